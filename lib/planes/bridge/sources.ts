/**
 * Memtables, tables and views of the native plane: sources and stacks of them.
 *
 * What policy reads of them is known on this side of the crossing. Handles of another plane are
 * told by their class.
 */
import { batchCount } from '../../format/batch.js'
import type { TableMeta } from '../../format/edit.js'
import type { TableProperties } from '../../format/table.js'
import type { Memtable, Run, Source, Table, View } from '../../plane.js'
import type { Handle, NativeFunctions } from '../addon.js'
import { StoreError } from '../../errors.js'
import { HandleOwner } from './handle.js'

export class NativeMemtable extends HandleOwner implements Memtable {
  readonly kind = 'memtable'
  bytes = 0

  constructor(addon: NativeFunctions) {
    super(addon, addon.memtableCreate(), 'memtableFree')
  }

  get entries(): number {
    return this.isClosed ? 0 : this.addon.memtableEntries(this.handle)
  }

  get memoryBytes(): number {
    return this.isClosed ? 0 : this.addon.memtableBytes(this.handle)
  }

  apply(batch: Uint8Array, from: number, limit: number): number {
    const next = this.addon.memtableApply(this.handle, batch, from, limit)
    if (next === batchCount(batch)) this.bytes += batch.length
    return next
  }

  close(): void {
    this.release()
  }

  protected override closedError(): Error {
    return new TypeError('the memtable is closed')
  }
}

export class NativeTable extends HandleOwner implements Table {
  readonly kind = 'table'

  /** Holds the plane, whose end closes the files of its tables. */
  constructor(
    addon: NativeFunctions,
    protected readonly plane: HandleOwner,
    readonly meta: TableMeta,
  ) {
    const { number, sizeBytes, smallest, largest } = meta
    super(addon, addon.tableOpen(plane.handle, number, sizeBytes, smallest, largest), 'tableClose')
  }

  async properties(): Promise<TableProperties | undefined> {
    return this.meta.properties ?? (await this.addon.tableProperties(this.handle))
  }

  async verify(): ReturnType<Table['verify']> {
    return this.addon.tableVerify(this.handle)
  }

  async offsetOf(key: Uint8Array): Promise<number> {
    return this.addon.tableOffsetOf(this.handle, key)
  }

  close(): void {
    this.release()
  }

  protected override closedError(): Error {
    return new StoreError('CAIRN_NOT_OPEN', 'the table has been closed')
  }
}

export class NativeView extends HandleOwner implements View {
  found = 0
  /** Here too, 0 once it is closed: a field that owners of many classes share is slow to read. */
  #handle: Handle

  constructor(
    addon: NativeFunctions,
    readonly runs: readonly Run[],
  ) {
    const handle = addon.viewCreate(handlesOf(runs))
    super(addon, handle, 'viewFree')
    this.#handle = handle
  }

  override get handle(): Handle {
    if (this.#handle === 0) throw this.closedError()
    return this.#handle
  }

  close(): void {
    this.#handle = 0
    this.release()
  }

  protected override closedError(): Error {
    return new TypeError('the view is closed')
  }
}

/** The handles of runs without the empty ones. Throws TypeError for a source of another plane, or
 * a run of two memtables. */
export function handlesOf(runs: readonly Run[]): Handle[][] {
  return runs
    .filter((run) => run.length > 0)
    .map((run) => run.map((source) => handleOf(source, run)))
}

function handleOf(source: Source, run: Run): Handle {
  if (source instanceof NativeMemtable) {
    if (run.length > 1) throw new TypeError('a run with a memtable holds nothing else')
    return source.handle
  }
  if (source instanceof NativeTable) return source.handle
  throw new TypeError('not a source of the native plane')
}

/** Throws TypeError unless `view` is of this plane. */
export function ownView(view: View): NativeView {
  if (!(view instanceof NativeView)) throw new TypeError('not a view of the native plane')
  return view
}
