/**
 * Held handles: native objects that JavaScript holds, and lets go of once.
 *
 * An owner that is collected without having been closed frees its handle through a registry, so
 * that forgetting costs memory for a while and nothing else.
 */
import type { Handle, NativeFunctions } from '../addon.js'

type Free =
  | 'planeClose'
  | 'memtableFree'
  | 'tableClose'
  | 'viewFree'
  | 'cursorFree'
  | 'journalFree'
  | 'readerFree'

interface Held {
  readonly addon: NativeFunctions
  readonly free: Free
  readonly handle: Handle
}

const forgotten = new FinalizationRegistry<Held>(({ addon, free, handle }) => addon[free](handle))

/** The base of what owns a handle. */
export class HandleOwner {
  /** 0 once it is closed; no handle is 0. */
  #handle: Handle
  readonly #free: Free

  constructor(
    readonly addon: NativeFunctions,
    handle: Handle,
    free: Free,
  ) {
    this.#handle = handle
    this.#free = free
    forgotten.register(this, { addon, free, handle }, this)
  }

  /** Throws what `closedError` gives when it is closed. */
  get handle(): Handle {
    if (this.#handle === 0) throw this.closedError()
    return this.#handle
  }

  get isClosed(): boolean {
    return this.#handle === 0
  }

  /** Lets go of the native object; more often does nothing. */
  release(): void {
    const handle = this.#handle
    if (handle === 0) return
    this.#handle = 0
    forgotten.unregister(this)
    this.addon[this.#free](handle)
  }

  protected closedError(): Error {
    return new TypeError('it has been closed')
  }
}
