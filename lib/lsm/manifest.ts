/**
 * The MANIFEST: which files make up the tree, as a journal of edits.
 *
 * Invariant: it never names a file that does not durably exist, and nothing that it stopped
 * naming is removed before the edit is synced. Edits are appended one at a time and synced; file
 * numbers are handed out only below the number that the newest synced edit reserved, so that none
 * comes twice. A failed append or sync poisons it until the tree is opened again.
 * Format: docs/format/manifest.md
 */
import { StoreError } from '../errors.js'
import { encodeEdit, type VersionEdit } from '../format/edit.js'
import { KEY_COMPARATOR } from '../format/key.js'
import { manifestName } from '../format/names.js'
import type { Storage } from '../io/files.js'
import type { DataPlane, JournalWriter } from '../plane.js'
import { LEVELS, MANIFEST_ROLL_BYTES } from './options.js'
import { applyEdit, type Levels } from './version.js'

/** Numbers reserved ahead with each edit; given back by a clean close. */
const RESERVE_NUMBERS = 256

/** Everything that a MANIFEST says, once its edits are applied. */
export interface ManifestState {
  readonly levels: Levels
  readonly pointers: readonly (Uint8Array | undefined)[]
  /** Journals from this number on are live, and `previousLogNumber` when it is not 0. */
  readonly logNumber: number
  readonly previousLogNumber: number
  readonly nextFileNumber: number
  readonly lastSequence: number
}

/** An edit as control asks for it; file numbers and sequence are added when it is written. */
export type TreeEdit = Pick<
  VersionEdit,
  'logNumber' | 'previousLogNumber' | 'compactPointers' | 'deleted' | 'added'
>

export class Manifest {
  #state: ManifestState
  #writer: JournalWriter | undefined
  #number = 0
  #next: number
  #tail: Promise<void> = Promise.resolve()
  #failure: StoreError | undefined

  /**
   * `lastSequence` gives the newest sequence handed out; `onReplaced` hears the numbers of
   * MANIFESTs that are no longer current.
   */
  constructor(
    private readonly storage: Storage,
    private readonly plane: DataPlane,
    state: ManifestState,
    private readonly lastSequence: () => number,
    private readonly onReplaced: (number: number) => void,
  ) {
    this.#state = state
    this.#next = state.nextFileNumber
  }

  get state(): ManifestState {
    return this.#state
  }

  get number(): number {
    return this.#number
  }

  /** Bytes of the current file. */
  get position(): number {
    return this.#writer?.position ?? 0
  }

  /** Set after the first failure: CAIRN_POISONED from then on. */
  get failure(): StoreError | undefined {
    return this.#failure
  }

  /** Reserves `count` file numbers, ascending, durably when they pass what was reserved before. */
  async allocate(count: number): Promise<number[]> {
    while (this.#writer !== undefined && this.#next + count > this.#state.nextFileNumber)
      await this.commit({}, count)
    const first = this.#next
    this.#next += count
    return Array.from({ length: count }, (_, i) => first + i)
  }

  /** Writes a new MANIFEST that holds the whole state, and makes it current. */
  start(edit: TreeEdit): Promise<void> {
    return this.#serial(async () => {
      const state = this.#after(edit, 0)
      await this.#replace(state)
      this.#state = state
    })
  }

  /**
   * Appends and syncs an edit, then calls `install` with the new state before anything else
   * happens. Edits are written in the order of the calls.
   */
  commit(edit: TreeEdit, reserve = 0, install?: (state: ManifestState) => void): Promise<void> {
    return this.#serial(async () => {
      const state = this.#after(edit, reserve)
      if (this.#writer!.position >= MANIFEST_ROLL_BYTES) {
        await this.#replace(state)
      } else {
        this.#writer!.append(
          encodeEdit({
            ...edit,
            nextFileNumber: state.nextFileNumber,
            lastSequence: state.lastSequence,
          }),
        )
        await this.#writer!.sync()
      }
      this.#state = state
      install?.(state)
    })
  }

  /** Gives back the numbers that were reserved and not used. */
  async finish(): Promise<void> {
    await this.#serial(async () => {
      const lastSequence = this.lastSequence()
      this.#writer!.append(encodeEdit({ nextFileNumber: this.#next, lastSequence }))
      await this.#writer!.sync()
    })
  }

  async close(): Promise<void> {
    await this.#tail
    await this.#writer?.close()
  }

  #serial(work: () => Promise<void>): Promise<void> {
    const run = this.#tail.then(async () => {
      if (this.#failure) throw this.#failure
      try {
        await work()
      } catch (error) {
        const cause = error as StoreError
        this.#failure = new StoreError(
          'CAIRN_POISONED',
          `the MANIFEST could not be written (${cause.message}); close and open the store again`,
          { file: manifestName(this.#number), cause },
        )
        throw error
      }
    })
    this.#tail = run.catch(() => {})
    return run
  }

  #after(edit: TreeEdit, reserve: number): ManifestState {
    const state = this.#state
    const pointers = [...state.pointers]
    for (const { level, key } of edit.compactPointers ?? []) pointers[level] = key
    return {
      levels: applyEdit(state.levels, edit),
      pointers,
      logNumber: edit.logNumber ?? state.logNumber,
      previousLogNumber: edit.previousLogNumber ?? state.previousLogNumber,
      nextFileNumber: Math.max(state.nextFileNumber, this.#next + reserve + RESERVE_NUMBERS),
      lastSequence: this.lastSequence(),
    }
  }

  /** Synced MANIFEST, synced directory, then CURRENT: a crash at any step leaves one of the two. */
  async #replace(state: ManifestState): Promise<void> {
    const number = this.#next++
    const before = { writer: this.#writer, number: this.#number }
    const writer = await this.plane.createJournal(manifestName(number))
    this.#writer = writer
    this.#number = number
    try {
      writer.append(encodeEdit(wholeEdit(state)))
      await writer.sync()
      await this.storage.syncDirectory()
      await this.storage.setCurrent(manifestName(number))
    } finally {
      // Nothing is written to it any more: what closing says changes nothing.
      await before.writer?.close().catch(() => {})
    }
    if (before.writer !== undefined) this.onReplaced(before.number)
  }
}

/** The state as one edit. `previousLogNumber` beside the comparator marks the file as ours. */
export function wholeEdit(state: ManifestState): VersionEdit {
  const added = state.levels.flatMap((tables, level) => tables.map((table) => ({ level, table })))
  const compactPointers = state.pointers.flatMap((key, level) => (key ? [{ level, key }] : []))
  return {
    comparator: KEY_COMPARATOR,
    logNumber: state.logNumber,
    previousLogNumber: state.previousLogNumber,
    nextFileNumber: state.nextFileNumber,
    lastSequence: state.lastSequence,
    compactPointers,
    added,
  }
}

/** Whether the first edit of a MANIFEST was written by cairndb. */
export function isOurs(first: VersionEdit): boolean {
  return first.comparator !== undefined && first.previousLogNumber !== undefined
}

export function noPointers(): (Uint8Array | undefined)[] {
  return new Array<Uint8Array | undefined>(LEVELS).fill(undefined)
}
