/**
 * Background work: one flush and one compaction at a time, each a merge and then an edit.
 *
 * Invariant: an output is named by the MANIFEST only when it and its directory entry are synced;
 * an input is removed only when no version holds it and the edit that dropped it is synced. A
 * failed job emits `warning`, is tried again later with growing pauses and new files (a sync is
 * never retried), and until then refuses the writers that wait for it.
 * Decides: when jobs run. What they do is the picker's choice.
 */
import { journalName } from '../format/names.js'
import type { MergeJob, Run, TableOptions } from '../plane.js'
import type { TableMeta } from '../format/edit.js'
import { EXPANSION_TABLES, GRANDPARENT_TABLES, LEVELS, OUTPUTS_MOST } from './options.js'
import { pickCompaction, planCompaction, spanOf, type Compaction } from './picker.js'
import { Slot } from './slot.js'
import type { TreeState } from './state.js'
import { bytesOf, overlapping, rangeOf, rangesFrom } from './version.js'

export class Compactor {
  readonly flushes: Slot
  readonly compactions: Slot
  #waiters: (() => void)[] = []
  #closing = false
  /** Journal of the frozen memtable: removed once its table is installed. */
  #frozenJournal = 0

  constructor(private readonly state: TreeState) {
    const slot = (what: string) =>
      new Slot(
        (error) => this.#report(what, error),
        () => this.#notify(),
      )
    this.flushes = slot('flush the memtable')
    this.compactions = slot('compact')
  }

  /** Settles when any job ends, or is about to be tried again. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Settles when no job runs. */
  async settled(): Promise<void> {
    while (this.flushes.isRunning || this.compactions.isRunning) await this.change()
  }

  /** Moves writing to a fresh memtable and journal; the full one is flushed. Between commits. */
  async rotate(): Promise<void> {
    const { state } = this
    const before = state.journals.number
    await state.journals.rotate()
    this.#frozenJournal = before
    state.frozen = state.active
    state.active = state.plane.createMemtable()
    state.versions.install(state.levels, state.memtables)
    state.log(
      `rotated: journal ${before} to ${state.journals.number}, ` +
        `memtable of ${state.frozen.bytes} bytes`,
    )
    if (!state.options.serial) state.journals.prepare()
    this.schedule()
  }

  /** Starts whatever is due. While closing that is a flush that was never tried, and no more. */
  schedule(): void {
    const { state } = this
    if (state.poison !== undefined) return
    // Under the serial schedule one job ends before the next begins.
    if (state.options.serial && (this.flushes.isRunning || this.compactions.isRunning)) return
    const mayFlush = this.flushes.isFree && !(this.#closing && this.flushes.failure !== undefined)
    if (state.frozen !== undefined && mayFlush) void this.flushes.run(() => this.#flush())
    if (this.#closing || !this.compactions.isFree || this.#mustWait) return
    const plan = pickCompaction({
      levels: state.levels,
      pointers: state.manifest.state.pointers,
      maxTableBytes: state.options.maxTableBytes,
      oldestSnapshot: state.snapshots.sequences(state.published)[0]!,
    })
    if (plan !== undefined) void this.compactions.run(() => this.#compact(plan))
  }

  /** Merges every level's tables within the user keys into the next one, down to the deepest. */
  async compactRange(start?: Uint8Array, end?: Uint8Array): Promise<void> {
    const { levels } = this.state
    let deepest = 1
    for (let level = 1; level < LEVELS; level++)
      if (overlapping(levels[level]!, start, end).length > 0) deepest = level
    for (let level = 0; level < deepest; level++) await this.#compactLevel(level, start, end)
  }

  /** Cancels compactions, lets the flush that is due end; settles when no job runs. */
  async close(): Promise<void> {
    this.#closing = true
    this.flushes.close()
    this.compactions.close()
    this.state.abort.abort()
    await this.settled()
  }

  async #compactLevel(level: number, start?: Uint8Array, end?: Uint8Array): Promise<void> {
    const { state } = this
    let from = start
    for (;;) {
      while (this.#mustWait) await this.change()
      if (state.poison !== undefined) throw state.poison
      if (this.#closing) return
      const tables = overlapping(state.levels[level]!, from, end)
      if (tables.length === 0) return
      const chosen = level === 0 ? tables : firstBytes(tables, this.#expansionBytes)
      const { maxTableBytes } = state.options
      const plan = planCompaction({ levels: state.levels, maxTableBytes }, level, chosen, false)
      const failure = await this.compactions.run(() => this.#compact(plan))
      if (failure !== undefined) throw failure
      if (level === 0) return
      from = spanOf(chosen).largest
    }
  }

  get #mustWait(): boolean {
    return this.compactions.isRunning || (!!this.state.options.serial && this.flushes.isRunning)
  }

  get #expansionBytes(): number {
    return EXPANSION_TABLES * this.state.options.maxTableBytes
  }

  #report(what: string, error: unknown): void {
    const { state } = this
    if (!this.#closing) state.warn(what, error)
    if (state.manifest.failure !== undefined) state.fail('write the MANIFEST', error)
  }

  #notify(): void {
    this.schedule()
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }

  async #flush(): Promise<void> {
    const { state } = this
    const { manifest, journals } = state
    const logNumber = journals.number
    const previousLogNumber = this.#frozenJournal
    // From here on the MANIFEST names both, so that neither can go missing unseen.
    await manifest.commit({ logNumber, previousLogNumber })
    const tables = await this.#merge(new AbortController().signal, {
      inputs: [[state.frozen!]],
      outputs: await manifest.allocate(1),
      maxTableBytes: Number.MAX_SAFE_INTEGER,
      deeper: rangesFrom(state.levels, 0),
      grandparents: [],
    })
    const added = tables.map((table) => ({ level: 0, table }))
    await manifest.commit({ logNumber, previousLogNumber: 0, added }, 0, ({ levels }) => {
      state.frozen = undefined
      state.versions.install(levels, state.memtables)
    })
    state.log(`flushed: journal ${previousLogNumber} to ${describe(tables)}`)
    await journals.olderClosed()
    await state.remove(journalName(previousLogNumber))
  }

  async #compact(plan: Compaction): Promise<void> {
    const { state } = this
    const { level, upper, lower } = plan
    const version = state.versions.retain()
    try {
      const tables = plan.move ? upper : await this.#mergePlan(plan)
      const deleted = [
        ...upper.map(({ number }) => ({ level, number })),
        ...lower.map(({ number }) => ({ level: level + 1, number })),
      ]
      const added = tables.map((table) => ({ level: level + 1, table }))
      const compactPointers = [{ level, key: upper.at(-1)!.largest }]
      await state.manifest.commit({ compactPointers, deleted, added }, 0, (next) =>
        state.versions.install(next.levels, state.memtables),
      )
      state.counters.compactions++
      state.log(
        `${plan.move ? 'moved' : 'compacted'}: level ${level} ${describe(upper)} and ` +
          `${describe(lower)} to ${describe(tables)}`,
      )
    } finally {
      state.versions.release(version)
    }
  }

  async #mergePlan(plan: Compaction): Promise<TableMeta[]> {
    const { state } = this
    const { level, upper, lower } = plan
    const open = (tables: readonly TableMeta[]) => tables.map((t) => state.versions.handle(t))
    const inputs: Run[] = level === 0 ? open(upper).map((table) => [table]) : [open(upper)]
    if (lower.length > 0) inputs.push(open(lower))
    const { maxTableBytes } = state.options
    const inputBytes = bytesOf(upper) + bytesOf(lower)
    const cuts = bytesOf(plan.grandparents) / (GRANDPARENT_TABLES * maxTableBytes)
    // Compressed inputs may come out several times as large.
    const most = Math.min(Math.ceil((inputBytes / maxTableBytes) * 4 + cuts) + 8, OUTPUTS_MOST)
    return this.#merge(state.abort.signal, {
      inputs,
      outputs: await state.manifest.allocate(most),
      maxTableBytes,
      deeper: rangesFrom(state.levels, level + 2),
      grandparents: plan.grandparents.map((t) => ({ ...rangeOf(t), sizeBytes: t.sizeBytes })),
    })
  }

  async #merge(
    signal: AbortSignal,
    job: Pick<MergeJob, 'inputs' | 'outputs' | 'maxTableBytes' | 'deeper' | 'grandparents'>,
  ): Promise<TableMeta[]> {
    const { state } = this
    const table: TableOptions = state.options.table
    let [read, written] = [0, 0]
    const tables = await state.plane.merge(
      {
        ...job,
        snapshots: state.snapshots.sequences(state.published),
        table,
        maxGrandparentBytes: GRANDPARENT_TABLES * state.options.maxTableBytes,
        progress: (bytesRead, bytesWritten) => {
          state.counters.bytesRead += bytesRead - read
          state.counters.bytesWritten += bytesWritten - written
          ;[read, written] = [bytesRead, bytesWritten]
        },
      },
      signal,
    )
    if (tables.length > 0) await state.storage.syncDirectory()
    return tables
  }
}

function firstBytes(tables: readonly TableMeta[], bytes: number): TableMeta[] {
  let sum = 0
  return tables.filter((table) => {
    const first = sum === 0
    sum += table.sizeBytes
    return first || sum <= bytes
  })
}

function describe(tables: readonly TableMeta[]): string {
  if (tables.length === 0) return 'no tables'
  return `tables ${tables.map(({ number }) => number).join(' ')} (${bytesOf(tables)} bytes)`
}
