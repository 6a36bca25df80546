/**
 * The write path: groups are written, synced and settled in order, one commit at a time.
 *
 * While a commit is in flight the next groups fill; all that wait then share one sync. Nothing is
 * settled before it is as durable as the sync mode says, and nothing is read before it is settled.
 * The first failed write or sync ends all writing.
 * Decides: which groups go together, inline or not, when the timer syncs.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WaitingCallers } from '../commit/callers.js'
import { poisonOf } from '../commit/told.js'
import { SLICE_MS, Turns } from '../commit/turns.js'
import type { StoreError } from '../errors.js'
import { Latencies } from './latencies.js'
import { COMMIT_MAX_BYTES, QUEUE_MAX_BYTES, type JournalSetup } from './options.js'
import { GroupQueue, type RecordGroup } from './queue.js'
import type { SegmentSet } from './segments/set.js'

export class Committer {
  readonly queue: GroupQueue
  readonly callers = new WaitingCallers()
  /** The newest sequence whose records are settled. */
  settled: number
  /** The first failure; writes reject with it from then on. */
  poison: StoreError | undefined
  onSettled: (sequence: number) => void = () => {}
  onFailure: (action: string, error: Error) => void = () => {}
  groups = 0
  records = 0
  bytes = 0
  readonly writes = new Latencies()
  readonly syncs = new Latencies()
  readonly #turns = new Turns()
  readonly #syncsEach: boolean
  #running = false
  #scheduled = false
  #timer: NodeJS.Timeout | undefined
  readonly #start = (): void => this.#run()
  readonly #isFull = (): boolean => this.queue.waitingBytes > QUEUE_MAX_BYTES

  constructor(
    private readonly setup: JournalSetup,
    private readonly segments: SegmentSet,
    settled: number,
  ) {
    const { batchRecords, batchBytes, segmentRecords, segmentBytes, sync } = setup
    this.queue = new GroupQueue({
      records: Math.min(batchRecords, segmentRecords),
      bytes: Math.min(batchBytes, segmentBytes),
    })
    this.settled = settled
    this.#syncsEach = sync === 'always'
    segments.onFailure = (error) => void this.fail('sync the journal', error)
  }

  get mustWait(): boolean {
    return !this.callers.isEmpty || this.#isFull()
  }

  /** Something was added to the queue: it is committed soon. */
  schedule(): void {
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    this.#turns.schedule(this.#start)
  }

  /** Settles when everything added before the call survives power loss. */
  sync(): Promise<void> {
    const { open } = this.queue
    open.sync = true
    this.schedule()
    return open.promise
  }

  /** Runs `task` between two commits, behind everything that was added before. */
  barrier(task: () => Promise<void>): Promise<void> {
    const done = this.queue.barrier(task)
    this.schedule()
    return done
  }

  /** Settles when nothing waits; the timer is stopped. */
  async close(): Promise<void> {
    while (this.#running || !this.callers.isEmpty || !this.queue.isEmpty) await nextTurn()
    clearTimeout(this.#timer)
  }

  /** The first failure stands; later writes reject with CAIRN_POISONED. */
  fail(action: string, error: unknown): StoreError {
    if (this.poison !== undefined) return this.poison
    const cause = error instanceof Error ? error : new Error(String(error))
    this.poison = poisonOf(action, cause)
    this.onFailure(action, cause)
    return this.poison
  }

  resetCounters(): void {
    this.groups = this.records = this.bytes = 0
    this.callers.count = this.callers.waitedMs = 0
    this.writes.reset()
    this.syncs.reset()
  }

  #run(): void {
    this.#scheduled = false
    if (this.queue.isEmpty) return
    this.#running = true
    const groups = this.queue.take(COMMIT_MAX_BYTES)
    const pending = this.#commitNow(groups)
    if (pending !== undefined || !this.queue.isEmpty) void this.#runOn(groups, pending)
    else this.#running = false
  }

  /** Waits for the commit under way and goes on while anything waits. */
  async #runOn(first: RecordGroup[], pendingFirst: Promise<void> | undefined): Promise<void> {
    let [groups, pending] = [first, pendingFirst]
    let sliceStart = performance.now()
    for (;;) {
      if (pending !== undefined) {
        await pending
        this.#ended(groups)
      }
      if (this.queue.isEmpty) break
      if (performance.now() - sliceStart > SLICE_MS) {
        await nextTurn()
        sliceStart = performance.now()
      }
      groups = this.queue.take(COMMIT_MAX_BYTES)
      pending = this.#commitNow(groups)
    }
    this.#running = false
  }

  #ended(groups: readonly RecordGroup[]): void {
    for (const group of groups) this.queue.recycle(group)
    if (!this.callers.isEmpty) this.callers.drain(this.#isFull)
  }

  /** Commits at once where nothing must be waited for; otherwise gives a promise. */
  #commitNow(groups: RecordGroup[]): Promise<void> | undefined {
    if (this.#mustTakeTime(groups)) return this.#commit(groups)
    const begun = performance.now()
    try {
      for (const [i, group] of groups.entries()) {
        const ready = this.segments.prepare(group)
        const pending = ready ?? this.segments.append(group)
        if (pending !== undefined) return this.#commit(groups, i, ready, pending)
      }
      this.writes.add(performance.now() - begun)
      this.#settle(groups)
    } catch (error) {
      this.#reject(groups, this.fail('write the journal', error))
    }
    this.#ended(groups)
    return undefined
  }

  #mustTakeTime(groups: readonly RecordGroup[]): boolean {
    if (this.#syncsEach || this.setup.home.serial || this.poison !== undefined) return true
    return groups.some(({ sync, task }) => sync || task !== undefined)
  }

  /** Goes on at the i-th group, whose preparation or append is under way. */
  async #commit(
    groups: RecordGroup[],
    i = 0,
    ready?: Promise<void>,
    pending?: Promise<void>,
  ): Promise<void> {
    try {
      if (this.poison !== undefined) throw this.poison
      const { task } = groups[0]!
      if (task !== undefined) {
        await this.#runTask(groups[0]!, task)
        return
      }
      const begun = performance.now()
      await pending
      if (ready !== undefined) await this.segments.append(groups[i]!)
      for (const group of groups.slice(pending === undefined ? i : i + 1))
        if (group.count > 0) {
          const prepared = this.segments.prepare(group)
          if (prepared !== undefined) await prepared
          const written = this.segments.append(group)
          if (written !== undefined) await written
        }
      this.writes.add(performance.now() - begun)
      if (this.#syncsEach || groups.some(({ sync }) => sync)) await this.#sync()
      if (this.setup.home.serial) await this.segments.olderClosed()
      this.#settle(groups)
    } catch (error) {
      this.#reject(groups, this.fail('write the journal', error))
    }
  }

  /** A task's failure is its caller's alone. */
  async #runTask(group: RecordGroup, task: () => Promise<void>): Promise<void> {
    try {
      await task()
      group.resolve()
    } catch (error) {
      group.reject(error)
    }
  }

  async #sync(): Promise<void> {
    const begun = performance.now()
    await this.segments.sync()
    this.syncs.add(performance.now() - begun)
  }

  #settle(groups: readonly RecordGroup[]): void {
    for (const group of groups) {
      if (group.count === 0) continue
      this.groups++
      this.records += group.count
      this.bytes += group.size
      this.settled = group.lastSequence
    }
    this.onSettled(this.settled)
    for (const group of groups) group.resolve()
    if (this.setup.sync === 'interval' && this.segments.isDirty) this.#arm()
  }

  #reject(groups: readonly RecordGroup[], error: StoreError): void {
    for (const group of groups) group.reject(error)
  }

  /** Syncs beside the commits, once, an interval after the first record that is not synced. */
  #arm(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.poison !== undefined || !this.segments.isDirty) return
      const begun = performance.now()
      this.segments.syncBeside().then(
        () => this.syncs.add(performance.now() - begun),
        (error: unknown) => void this.fail('sync the journal', error),
      )
    }, this.setup.syncIntervalMs)
    this.#timer.unref()
  }
}
