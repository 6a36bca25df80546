/**
 * Cursors of the native plane: a page is one crossing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cursor, Page, ScanBounds } from '../../plane.js'
import {
  SCAN_FILL_CACHE,
  SCAN_KEYS,
  SCAN_LOWER_OPEN,
  SCAN_REVERSE,
  SCAN_UPPER_OPEN,
  SCAN_VALUES,
  WORD_NEEDED,
} from '../addon.js'
import type { Handle, NativeFunctions } from '../addon.js'
import { HandleOwner } from './handle.js'
import type { NativeView } from './sources.js'

export class NativeCursor extends HandleOwner implements Cursor {
  /** Holds the view, and with that its tables. */
  constructor(
    addon: NativeFunctions,
    plane: Handle,
    protected readonly view: NativeView,
    bounds: ScanBounds,
    at: number,
  ) {
    const { lower, upper } = bounds
    const how = howOf(bounds)
    super(addon, addon.cursorOpen(plane, view.handle, how, lower, upper, at), 'cursorFree')
  }

  needed = 0

  next(page: Page, limit: number): number {
    // A cursor that was closed is at its end, as the other plane's is.
    if (this.isClosed) return 0
    const count = this.addon.cursorNext(this.handle, page.bytes, page.ends, limit)
    if (count < 0) this.needed = this.addon.words[WORD_NEEDED]!
    return count
  }

  async load(): Promise<void> {
    if (this.isClosed) return
    await (this.addon.cursorLoad(this.handle) ?? nextTurn())
  }

  seek(target: Uint8Array): void {
    if (!this.isClosed) this.addon.cursorSeek(this.handle, target)
  }

  close(): void {
    this.release()
  }
}

function howOf(bounds: ScanBounds): number {
  return (
    ((bounds.reverse ?? false) ? SCAN_REVERSE : 0) |
    ((bounds.keys ?? true) ? SCAN_KEYS : 0) |
    ((bounds.values ?? true) ? SCAN_VALUES : 0) |
    ((bounds.fillCache ?? true) ? SCAN_FILL_CACHE : 0) |
    ((bounds.lowerInclusive ?? true) ? 0 : SCAN_LOWER_OPEN) |
    ((bounds.upperInclusive ?? true) ? 0 : SCAN_UPPER_OPEN)
  )
}
