/**
 * Groups: the writes of one or more callers that are committed together.
 *
 * Every caller encodes straight into the open group's batch and shares its promise: no object and
 * no closure per operation. A group of count 0 with a task is a barrier: it takes its turn in the
 * order of writes.
 */
import { BatchWriter } from '../format/batch.js'
import { GROUP_MAX_BYTES, GROUP_SMALL_BYTES } from './options.js'

/** Batch buffers beyond this are given back to the collector. */
const KEEP_BYTES = 2 * GROUP_MAX_BYTES
const POOLED = 4

export class Group {
  readonly batch: BatchWriter
  /** Its acknowledgement must survive power loss. */
  sync = false
  #limitBytes = 0
  #promise: Promise<void> | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor(
    batch: BatchWriter,
    /** What a barrier does when its turn comes. */
    readonly task?: () => Promise<void>,
  ) {
    this.batch = batch
  }

  /** Settles for every caller of the group at once. */
  get promise(): Promise<void> {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    return this.#promise
  }

  get isEmpty(): boolean {
    return this.batch.count === 0 && !this.sync && this.task === undefined
  }

  /** True once the group must take no more; to be asked after each addition. */
  get isFull(): boolean {
    const { sizeBytes } = this.batch
    if (this.#limitBytes === 0)
      this.#limitBytes =
        sizeBytes <= GROUP_SMALL_BYTES ? sizeBytes + GROUP_SMALL_BYTES : GROUP_MAX_BYTES
    return sizeBytes >= this.#limitBytes
  }

  resolve(): void {
    if (this.#promise !== undefined) this.#resolve()
  }

  reject(error: unknown): void {
    if (this.#promise !== undefined) this.#reject(error)
  }
}

/** Groups in the order of their commits; the last one is open. */
export class GroupQueue {
  #closed: Group[] = []
  #open: Group
  readonly #batches: BatchWriter[] = []
  /** Bytes in closed groups that wait. */
  waitingBytes = 0

  constructor() {
    this.#open = new Group(new BatchWriter())
  }

  get open(): Group {
    return this.#open
  }

  get isEmpty(): boolean {
    return this.#closed.length === 0 && this.#open.isEmpty
  }

  /** Closes the open group when it is full. */
  closeFull(): void {
    if (this.#open.isFull) this.#close()
  }

  /** Closes the open group unless `moreBytes` still fit with what it has. */
  closeUnless(moreBytes: number): void {
    const { sizeBytes, count } = this.#open.batch
    if (count > 0 && sizeBytes + moreBytes > GROUP_MAX_BYTES) this.#close()
  }

  /** Adds a barrier behind everything that was added so far. */
  barrier(task: () => Promise<void>): Promise<void> {
    if (!this.#open.isEmpty) this.#close()
    const group = new Group(this.#open.batch, task)
    this.#closed.push(group)
    return group.promise
  }

  /** The next group to commit, closed by the call. */
  take(): Group {
    if (this.#closed.length === 0) this.#close()
    const group = this.#closed.shift()!
    if (group.task === undefined) this.waitingBytes -= group.batch.sizeBytes
    return group
  }

  /** Takes a settled group's batch back for a later group. */
  recycle(group: Group): void {
    if (group.task !== undefined || this.#batches.length >= POOLED) return
    group.batch.clear(KEEP_BYTES)
    this.#batches.push(group.batch)
  }

  #close(): void {
    this.#closed.push(this.#open)
    this.waitingBytes += this.#open.batch.sizeBytes
    this.#open = new Group(this.#batches.pop() ?? new BatchWriter())
  }
}
