/**
 * merge: writes the entries of some runs, in order, into new tables: a flush or a compaction.
 *
 * What is dropped: of the versions of a key between two consecutive snapshots all but the newest;
 * a deletion that is the newest at or below the oldest snapshot, when no deeper range holds its
 * key (it would hide nothing); an entry that another source has as well. Versions above the last
 * snapshot are all kept. A table ends only between two user keys, never between two versions. All
 * of that is decided by the entries and the job alone: the same job writes the same bytes.
 *
 * The loop works in slices of SLICE_MS, and reads and writes are asynchronous: a table's blocks
 * are written while the next ones are filled. All merges share one thread, so a compaction rests
 * while a memtable is flushed: writers may wait for that.
 * Twin: native/view/merge.cc
 */
import { StoreError } from '../errors.js'
import type { TableMeta } from '../format/edit.js'
import { FILTER_BITS_MAX } from '../format/filter.js'
import type { Storage } from '../io/files.js'
import type { MergeJob } from '../plane.js'
import type { TableStream } from '../table/stream.js'
import { Drop, checkRanges } from './drop.js'
import type { EntryCursor } from './entries.js'
import { Lane, placeLane, replaceFirst } from './lane.js'
import { MergeOutput } from './output.js'
import { ownRuns } from './view.js'
import type { OwnSource } from './view.js'

const SLICE_MS = 0.25
/** The clock is looked at after so many bytes; an entry counts for ENTRY_BYTES more. */
const CLOCK_BYTES = 4 * 1024
const ENTRY_BYTES = 64
/** Blocks are written once so many bytes wait. */
const FLUSH_BYTES = 240 * 1024

/** Why a slice ended. */
type Pause = 'done' | 'cold' | 'time' | 'write' | 'open' | 'finish'

/** The flushes of a plane. */
export class Flushes {
  readonly #ends = new Set<Promise<void>>()

  /** Settles when none is under way any more; undefined when none is. */
  get end(): Promise<unknown> | undefined {
    return this.#ends.size === 0 ? undefined : Promise.all(this.#ends)
  }

  /** Adds one, until it has ended. */
  add(flush: Promise<unknown>): void {
    const ended = (): void => void this.#ends.delete(end)
    const end: Promise<void> = flush.then(ended, ended)
    this.#ends.add(end)
  }
}

/**
 * Gives the tables in order, synced. Rejects with CAIRN_ABORTED when `signal` fires, and with what
 * failed otherwise; then what was written has been removed, where that was possible.
 */
export async function merge(
  storage: Storage,
  job: MergeJob,
  signal: AbortSignal,
  flushes: Flushes,
): Promise<TableMeta[]> {
  checkJob(job)
  const merging = new Merging(storage, job)
  try {
    const isFlush = job.inputs.some((run) => run[0]?.kind === 'memtable')
    const work = merging.run(signal, isFlush ? undefined : flushes)
    if (isFlush) flushes.add(work)
    await work
    return merging.output.tables
  } catch (error) {
    await merging.output.discard()
    throw error
  } finally {
    merging.close()
  }
}

function checkJob(job: MergeJob): void {
  const { outputs, snapshots } = job
  if (outputs.length === 0) throw new RangeError('a merge needs at least one output number')
  for (let i = 1; i < snapshots.length; i++)
    if (!(snapshots[i]! >= snapshots[i - 1]!))
      throw new RangeError('the snapshots of a merge must ascend')
  if (job.table.filterBits > FILTER_BITS_MAX) throw new RangeError('too many filter bits for a key')
  for (const level of job.deeper) checkRanges(level, 'the deeper ranges')
  checkRanges(job.grandparents, 'the grandparents')
}

class Merging {
  readonly output: MergeOutput
  readonly #job: MergeJob
  readonly #drop: Drop
  readonly #streams: TableStream[] = []
  readonly #lanes: Lane[]
  readonly #order: Lane[] = []
  #cold: Lane[] = []
  #started = performance.now()

  constructor(storage: Storage, job: MergeJob) {
    this.#job = job
    this.#drop = new Drop(job.snapshots, job.deeper)
    this.output = new MergeOutput(storage, job)
    this.#lanes = ownRuns(job.inputs).map(
      (run, age) => new Lane(run, age, false, (source) => this.#open(source)),
    )
  }

  /** Rests while one of `before` is under way. */
  async run(signal: AbortSignal, before: Flushes | undefined): Promise<void> {
    for (const lane of this.#lanes) this.#settle(lane, lane.toEdge())
    for (;;) {
      if (signal.aborted)
        throw new StoreError('CAIRN_ABORTED', 'the merge was aborted', { cause: signal.reason })
      const pause = this.#cold.length > 0 ? 'cold' : this.#slice()
      this.#job.progress?.(this.#bytesRead(), this.output.bytesWritten)
      if (pause === 'cold') await this.#load()
      else if (pause === 'open') await this.output.open()
      else if (pause === 'finish') await this.output.finish()
      else if (pause === 'write') await this.output.flush()
      else if (pause === 'done') break
      const flush = before?.end
      if (flush !== undefined) await flush
      // Files in memory settle without letting anything else run: only this does for certain.
      if (this.#late()) {
        await new Promise((resolve) => setImmediate(resolve))
        this.#started = performance.now()
      }
    }
    await this.output.settle()
  }

  close(): void {
    for (const lane of this.#lanes) lane.close()
  }

  /** Whether the event loop has waited long enough. */
  #late(): boolean {
    return performance.now() - this.#started >= SLICE_MS
  }

  #open(source: OwnSource): EntryCursor {
    if (source.kind === 'memtable') return source.stream()
    const stream = source.stream(this.#job.onDamage)
    this.#streams.push(stream)
    return stream
  }

  #bytesRead(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.bytesRead, 0)
  }

  async #load(): Promise<void> {
    const cold = this.#cold
    await Promise.all(cold.map((lane) => lane.load()))
    this.#cold = []
    for (const lane of cold) this.#settle(lane, lane.resume())
  }

  #settle(lane: Lane, ready: boolean): void {
    if (!ready) this.#cold.push(lane)
    else if (lane.valid) placeLane(this.#order, lane, 0)
  }

  /** Works until the loop has to wait for something. */
  #slice(): Pause {
    const { output } = this
    const drop = this.#drop
    let unclocked = 0
    while (this.#order.length > 0) {
      const lane = this.#order[0]!
      const entry = lane.cursor!
      if (drop.keeps(entry)) {
        const pause = output.ready(entry, drop.newKey)
        if (pause !== undefined) return pause
        output.add(entry)
      }
      drop.settle(entry)
      const bytes = entry.keyEnd - entry.keyStart + entry.valueEnd - entry.valueStart
      unclocked += bytes + ENTRY_BYTES
      if (!lane.step()) {
        this.#order.shift()
        this.#cold.push(lane)
        return 'cold'
      }
      if (!lane.valid) this.#order.shift()
      else if (this.#order.length > 1) replaceFirst(this.#order)
      if (output.pendingBytes >= FLUSH_BYTES) return 'write'
      if (unclocked < CLOCK_BYTES) continue
      unclocked = 0
      if (this.#late()) return 'time'
    }
    return 'done'
  }
}
