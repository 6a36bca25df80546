/**
 * Groups of records that are committed together, and the queue of them.
 *
 * Every caller encodes straight into the open group's bytes and shares its promise: no object and
 * no closure for a record. A group with a task is a barrier: it takes its turn in the order of the
 * calls.
 */
import { GROUP_HEAD_BYTES } from '../format/group.js'
import { GROUP_TAIL_BYTES } from './segments/stream.js'

const FIRST_BYTES = 16 * 1024
/** Larger buffers are given back to the collector. */
const KEEP_BYTES = 2 * 1024 * 1024
const POOLED = 16

export class RecordGroup {
  /** Room for the head, then the body as it is written. */
  bytes: Buffer
  size = GROUP_HEAD_BYTES
  count = 0
  firstSequence = 0
  /** Microseconds since 1970, of all its records. */
  time = 0
  /** Somebody waits for everything before to be synced. */
  sync = false
  #promise: Promise<void> | undefined
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor(
    bytes: Buffer,
    /** What a barrier does when its turn comes. */
    readonly task?: () => Promise<void>,
  ) {
    this.bytes = bytes
  }

  get lastSequence(): number {
    return this.firstSequence + this.count - 1
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
    return this.count === 0 && !this.sync && this.task === undefined
  }

  /** Makes room for so many bytes more, and for the tag behind them. */
  grow(moreBytes: number): void {
    const room = this.size + moreBytes + GROUP_TAIL_BYTES
    if (room <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(
      Math.max(room, Math.min(2 * this.bytes.length, KEEP_BYTES)),
    )
    larger.set(this.bytes.subarray(0, this.size))
    this.bytes = larger
  }

  resolve(): void {
    if (this.#promise !== undefined) this.#resolve()
  }

  reject(error: unknown): void {
    if (this.#promise !== undefined) this.#reject(error)
  }
}

export interface QueueLimits {
  /** A group is closed when it has so many records, or bytes. */
  readonly records: number
  readonly bytes: number
}

/** Groups in the order of their commits; the last one is open. */
export class GroupQueue {
  #closed: RecordGroup[] = []
  #open = new RecordGroup(Buffer.allocUnsafeSlow(FIRST_BYTES))
  readonly #buffers: Buffer[] = []
  /** Bytes in closed groups that wait or are being written. */
  waitingBytes = 0

  constructor(private readonly limits: QueueLimits) {}

  get open(): RecordGroup {
    return this.#open
  }

  get isEmpty(): boolean {
    return this.#closed.length === 0 && this.#open.isEmpty
  }

  /** The open group, or a new one where the open one is full. */
  roomy(): RecordGroup {
    const { count, size } = this.#open
    if (count >= this.limits.records || size >= this.limits.bytes) this.closeOpen()
    return this.#open
  }

  /** The open group, or a new one where so many records, or bytes, do not fit with the others. */
  roomyFor(records: number, bytes: number): RecordGroup {
    const { count, size } = this.#open
    const fits = count + records <= this.limits.records && size + bytes <= this.limits.bytes
    if (count > 0 && !fits) this.closeOpen()
    return this.#open
  }

  /** Adds a barrier behind everything that was added so far. */
  barrier(task: () => Promise<void>): Promise<void> {
    if (!this.#open.isEmpty) this.closeOpen()
    const group = new RecordGroup(this.#open.bytes, task)
    this.#closed.push(group)
    return group.promise
  }

  /** The groups to commit next, closed by the call: a barrier alone, others up to `mostBytes`. */
  take(mostBytes: number): RecordGroup[] {
    if (!this.#open.isEmpty) this.closeOpen()
    const closed = this.#closed
    let count = 0
    for (let bytes = 0; count < closed.length; count++) {
      const { task, size } = closed[count]!
      if (count > 0 && (task !== undefined || bytes + size > mostBytes)) break
      bytes += size
      if (task !== undefined) {
        count = 1
        break
      }
    }
    return closed.splice(0, count)
  }

  /** Takes a settled group's buffer back for a later one. */
  recycle(group: RecordGroup): void {
    if (group.task !== undefined) return
    this.waitingBytes -= group.size
    if (group.bytes.length <= KEEP_BYTES && this.#buffers.length < POOLED)
      this.#buffers.push(group.bytes)
  }

  closeOpen(): void {
    this.#closed.push(this.#open)
    this.waitingBytes += this.#open.size
    this.#open = new RecordGroup(this.#buffers.pop() ?? Buffer.allocUnsafeSlow(FIRST_BYTES))
  }
}
