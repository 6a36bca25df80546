/**
 * The write path: groups are journaled, applied and settled one at a time, in order.
 *
 * While one commit is in flight the next group fills: group commit without a timer. A group is
 * written, applied to the memtable while the disk works, and published when it is settled, so
 * nothing unacknowledged is ever read. Validate, journal, apply: a refused write leaves no trace,
 * a failed one poisons.
 * Decides: when a turn's group goes, inline or not, when to let the event loop run.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WaitingCallers } from '../commit/callers.js'
import { SLICE_MS, Turns } from '../commit/turns.js'
import { StoreError } from '../errors.js'
import type { BatchWriter, Datum } from '../format/batch.js'
import { KEY_SEQUENCE_MAX } from '../format/key.js'
import { GroupQueue, type Group } from './group.js'
import { APPLY_RECORDS, GROUP_INLINE_BYTES, QUEUE_MAX_BYTES } from './options.js'
import type { TreeState } from './state.js'
import type { Throttle } from './throttle.js'

export class Committer {
  readonly #queue = new GroupQueue()
  /** Callers that came while QUEUE_MAX_BYTES waited, in order. */
  readonly #overflow = new WaitingCallers()
  readonly #turns = new Turns()
  #running = false
  #scheduled = false
  #closed = false
  readonly #start = (): void => this.#run()
  readonly #isFull = (): boolean => this.#queue.waitingBytes > QUEUE_MAX_BYTES

  constructor(
    private readonly state: TreeState,
    private readonly throttle: Throttle,
    /** Runs after each commit under the serial schedule. */
    private readonly settleBackground: () => Promise<void>,
  ) {}

  put(key: Datum, value: Datum, sync: boolean): Promise<void> {
    const refusal = this.#refusal()
    if (refusal) return refusal
    if (this.#mustWait) {
      const [k, v] = [own(key), own(value)]
      return this.#overflow.add(() => this.#refusal() ?? this.#put(k, v, sync))
    }
    return this.#put(key, value, sync)
  }

  delete(key: Datum, sync: boolean): Promise<void> {
    const refusal = this.#refusal()
    if (refusal) return refusal
    if (this.#mustWait) {
      const k = own(key)
      return this.#overflow.add(() => this.#refusal() ?? this.#delete(k, sync))
    }
    return this.#delete(key, sync)
  }

  /** Adds a whole batch to one group, which takes its records: it is committed whole or not at
   * all. */
  write(batch: BatchWriter, sync: boolean): Promise<void> {
    const refusal = this.#refusal()
    if (refusal) return refusal
    if (batch.count === 0) return sync ? this.sync() : Promise.resolve()
    if (this.#mustWait) {
      const copy = batch.copy()
      return this.#overflow.add(() => this.#refusal() ?? this.#take(copy, sync))
    }
    return this.#take(batch, sync)
  }

  /** Settles when everything acknowledged before the call survives power loss. */
  sync(): Promise<void> {
    const refusal = this.#refusal()
    if (refusal) return refusal
    const { open } = this.#queue
    open.sync = true
    this.#schedule()
    return open.promise
  }

  /** Runs `task` between two commits, behind every write that was called before. */
  barrier(task: () => Promise<void>): Promise<void> {
    const refusal = this.#refusal()
    if (refusal) return refusal
    if (!this.#overflow.isEmpty)
      return this.#overflow.add(() => this.#refusal() ?? this.#barrier(task))
    return this.#barrier(task)
  }

  /** Refuses new writes and settles when those under way have settled. */
  async close(): Promise<void> {
    while (this.#running || !this.#overflow.isEmpty || !this.#queue.isEmpty) await nextTurn()
    this.#closed = true
  }

  get waitingBytes(): number {
    return this.#queue.waitingBytes
  }

  #put(key: Datum, value: Datum, sync: boolean): Promise<void> {
    const group = this.#queue.open
    group.batch.put(key, value)
    return this.#join(group, sync)
  }

  #delete(key: Datum, sync: boolean): Promise<void> {
    const group = this.#queue.open
    group.batch.delete(key)
    return this.#join(group, sync)
  }

  #take(batch: BatchWriter, sync: boolean): Promise<void> {
    this.#queue.closeUnless(batch.sizeBytes)
    const group = this.#queue.open
    group.batch.take(batch)
    return this.#join(group, sync)
  }

  #barrier(task: () => Promise<void>): Promise<void> {
    const done = this.#queue.barrier(task)
    this.#schedule()
    return done
  }

  get #mustWait(): boolean {
    return !this.#overflow.isEmpty || this.#isFull()
  }

  #join(group: Group, sync: boolean): Promise<void> {
    if (sync) group.sync = true
    const { promise } = group
    this.#queue.closeFull()
    this.#schedule()
    return promise
  }

  #refusal(): Promise<never> | undefined {
    const { state } = this
    if (!this.#closed && !state.options.readOnly && state.poison === undefined) return undefined
    const error = this.#closed
      ? new StoreError('CAIRN_NOT_OPEN', 'the store is closed')
      : state.options.readOnly
        ? new StoreError('CAIRN_READ_ONLY', 'the store is open read-only')
        : state.poison
    return Promise.reject(state.shown(error))
  }

  #schedule(): void {
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    this.#turns.schedule(this.#start)
  }

  /** Commits what waits: at once as long as nothing must be waited for. */
  #run(): void {
    this.#scheduled = false
    if (this.#queue.isEmpty) return
    this.#running = true
    const group = this.#queue.take()
    const pending = this.#commit(group)
    if (pending === undefined && this.state.options.serial !== true) {
      this.#settled(group)
      if (this.#queue.isEmpty) {
        this.#running = false
        return
      }
      void this.#runOn(undefined, undefined)
      return
    }
    void this.#runOn(group, pending)
  }

  /** Ends the commit of `first`, if any, and goes on while anything waits. */
  async #runOn(first: Group | undefined, pending: Promise<void> | undefined): Promise<void> {
    let group = first
    let sliceStart = performance.now()
    for (;;) {
      if (group !== undefined) {
        if (pending !== undefined) await pending
        if (this.state.options.serial) await this.settleBackground()
        this.#settled(group)
      }
      if (this.#queue.isEmpty) break
      if (performance.now() - sliceStart > SLICE_MS) {
        await nextTurn()
        sliceStart = performance.now()
      }
      group = this.#queue.take()
      pending = this.#commit(group)
    }
    this.#running = false
  }

  #settled(group: Group): void {
    this.#queue.recycle(group)
    if (!this.#overflow.isEmpty) this.#overflow.drain(this.#isFull)
  }

  /** Commits at once where nothing must be waited for; otherwise gives a promise. */
  #commit(group: Group): Promise<void> | undefined {
    const { state } = this
    if (
      group.task !== undefined ||
      group.sync ||
      state.poison !== undefined ||
      group.batch.sizeBytes > GROUP_INLINE_BYTES ||
      this.throttle.mustWait
    )
      return this.#commitSlowly(group)
    try {
      const batch = this.#stamp(group)
      // A small batch is with the operating system on return.
      void state.journals.append(batch, state.lastSequence - group.batch.count + 1)
      state.active.apply(batch, 0, group.batch.count)
      this.#publish()
    } catch (error) {
      state.fail('write the journal', error)
      group.reject(state.shown(error))
      return undefined
    }
    group.resolve()
    return undefined
  }

  async #commitSlowly(group: Group): Promise<void> {
    const { state } = this
    try {
      if (state.poison !== undefined) throw state.poison
      if (group.task !== undefined) await group.task()
      else if (group.batch.count > 0) await this.throttle.room(group.batch.sizeBytes)
    } catch (error) {
      group.reject(state.shown(error))
      return
    }
    try {
      if (group.batch.count > 0 && group.task === undefined) await this.#write(group)
      else if (group.sync) await state.journals.sync()
    } catch (error) {
      state.fail('write the journal', error)
      group.reject(state.shown(error))
      return
    }
    group.resolve()
  }

  async #write(group: Group): Promise<void> {
    const { journals } = this.state
    const batch = this.#stamp(group)
    const written = journals.append(batch, this.state.lastSequence - group.batch.count + 1)
    const synced = group.sync && written === undefined ? journals.sync() : undefined
    // Both are awaited below; a failure in between must not count as unhandled.
    written?.catch(() => {})
    synced?.catch(() => {})
    await this.#apply(batch, group.batch.count)
    await written
    await (group.sync && written !== undefined ? journals.sync() : synced)
    this.#publish()
  }

  /** Applies in slices, so that one large batch does not hold the event loop. */
  async #apply(batch: Uint8Array, count: number): Promise<void> {
    let sliceStart = performance.now()
    for (let from = 0; from < count;) {
      from = this.state.active.apply(batch, from, APPLY_RECORDS)
      if (from < count && performance.now() - sliceStart > SLICE_MS) {
        await nextTurn()
        sliceStart = performance.now()
      }
    }
  }

  #stamp(group: Group): Uint8Array {
    const { state } = this
    const first = state.lastSequence + 1
    if (first + group.batch.count > KEY_SEQUENCE_MAX)
      throw new StoreError('CAIRN_LIMIT', 'no sequence is left below 2^53')
    state.lastSequence += group.batch.count
    state.counters.groups++
    return group.batch.stamp(first)
  }

  #publish(): void {
    this.state.published = this.state.lastSequence
  }
}

/** A copy that later changes of the caller's bytes do not reach. */
function own(datum: Datum): Datum {
  return typeof datum === 'string' ? datum : Uint8Array.prototype.slice.call(datum)
}
