/**
 * MergeOutput: the tables that a merge writes, one open at a time.
 *
 * A table is finished at a new user key, when it has reached the size or overlaps too much of the
 * grandparents (so that a later merge of it stays small), while a file number is left for what
 * follows. Blocks are written while the next ones are filled, one write at a time. Whole tables
 * wait for each other and are synced one behind the other: what one sync makes the file system
 * write, the next one need not.
 * Twin: native/view/output.cc
 */
import type { TableMeta } from '../format/edit.js'
import { tableName } from '../format/names.js'
import type { Storage, StorageFile } from '../io/files.js'
import type { MergeJob } from '../plane.js'
import { TableWriter } from '../table/writer.js'
import { isBefore } from './drop.js'
import type { EntryCursor } from './entries.js'

/** Tables that wait for their sync, at most: each is an open file. */
const UNSYNCED_MOST = 16

export class MergeOutput {
  readonly tables: TableMeta[] = []
  readonly #storage: Storage
  readonly #job: MergeJob
  readonly #created: string[] = []
  #file: StorageFile | undefined
  #writer: TableWriter | undefined
  /** Of tables that are whole. */
  #unsynced: StorageFile[] = []
  #writing: Promise<void> = Promise.resolve()
  #finishedBytes = 0
  /** The first grandparent that does not lie wholly before the keys to come. */
  #grandparent = 0
  /** Bytes of the grandparents that the open table has passed. */
  #overlapBytes = 0

  constructor(storage: Storage, job: MergeJob) {
    this.#storage = storage
    this.#job = job
  }

  get bytesWritten(): number {
    return this.#finishedBytes + (this.#writer?.sizeBytes ?? 0)
  }

  /** Bytes of whole blocks that wait to be written. */
  get pendingBytes(): number {
    return this.#writer?.pendingBytes ?? 0
  }

  /** What must happen before the entry can be added; undefined when nothing must. */
  ready(entry: EntryCursor, newKey: boolean): 'open' | 'finish' | undefined {
    if (newKey) this.#pass(entry)
    if (this.#writer === undefined) return 'open'
    return newKey && this.#full(this.#writer) ? 'finish' : undefined
  }

  add(entry: EntryCursor): void {
    const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = entry
    const { high, low } = entry
    this.#writer!.add(keyBytes, keyStart, keyEnd, high, low, valueBytes, valueStart, valueEnd)
  }

  async open(): Promise<void> {
    const number = this.#job.outputs[this.#created.length]!
    const file = await this.#storage.create(tableName(number))
    this.#created.push(file.name)
    this.#file = file
    this.#writer = new TableWriter(file, number, this.#job.table)
    this.#overlapBytes = 0
  }

  /** Starts to write the blocks that wait; settles when the write before has ended. */
  async flush(): Promise<void> {
    await this.#writing
    this.#writing = this.#writer!.flush()
    // Whoever awaits it next gets the error; until then it is not an unhandled one.
    this.#writing.catch(() => {})
  }

  /** Ends the open table. */
  async finish(): Promise<void> {
    await this.#writing
    const meta = await this.#writer!.finish()
    this.#writer = undefined
    this.#finishedBytes += meta.sizeBytes
    this.#unsynced.push(this.#file!)
    this.#file = undefined
    this.tables.push(meta)
    if (this.#unsynced.length >= UNSYNCED_MOST) await this.#syncAll()
  }

  /** Ends the open table, if there is one; all tables are synced and closed then. */
  async settle(): Promise<void> {
    if (this.#writer !== undefined) await this.finish()
    await this.#syncAll()
  }

  /** Closes and removes everything written, where that is possible. */
  async discard(): Promise<void> {
    await this.#writing.catch(() => {})
    const open = this.#file === undefined ? this.#unsynced : [...this.#unsynced, this.#file]
    for (const file of open) await file.close().catch(() => {})
    for (const name of this.#created) await this.#storage.remove(name).catch(() => {})
  }

  async #syncAll(): Promise<void> {
    for (const file of this.#unsynced) await file.sync()
    while (this.#unsynced.length > 0) await this.#unsynced.shift()!.close()
  }

  #pass(entry: EntryCursor): void {
    const { grandparents } = this.#job
    const { keyBytes, keyStart, keyEnd } = entry
    while (this.#grandparent < grandparents.length) {
      const range = grandparents[this.#grandparent]!
      if (!isBefore(range, keyBytes, keyStart, keyEnd)) return
      this.#overlapBytes += range.sizeBytes
      this.#grandparent++
    }
  }

  #full(writer: TableWriter): boolean {
    // Asked again once a table is open: one without entries has room, whatever the limits are.
    if (writer.entries === 0 || this.#created.length === this.#job.outputs.length) return false
    const { maxTableBytes, maxGrandparentBytes } = this.#job
    return writer.sizeBytes >= maxTableBytes || this.#overlapBytes > maxGrandparentBytes
  }
}
