/**
 * Runs the workloads: every round of every group, the engines in turn (A B C A B C), each in a
 * process of its own.
 *
 * An engine that can not run is told and left out from there on; the others go on.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildAnswer, ChildTask } from './child.js'
import { ASIDE_OF, BARE, RIVALS, type EngineName, type SubjectName } from './engine.js'
import { nameOf, type Result, type Sequence } from './figures.js'
import { runChild, stopping } from './fork.js'
import { progressBar } from './progress.js'
import { GROUPS } from './workloads/all.js'
import type { Timing } from './workloads/bench.js'

/** Workloads with values of one size. */
export interface Size {
  readonly valueBytes: number
  readonly records: number
  readonly rounds: number
}

export interface Plan extends Size {
  readonly directory: string
  readonly engines: readonly EngineName[]
  readonly limitMs: number
  readonly wants: (workload: string) => boolean
  /** Whether the number of rounds was asked for, and goes for all workloads. */
  readonly asked: boolean
  /** Only those workloads that go with values of any size, and no asides. */
  readonly anySize: boolean
}

export interface Measured {
  readonly engines: Partial<Record<SubjectName, string>>
  readonly results: readonly Result[]
  readonly sequences: readonly Sequence[]
  readonly failures: readonly string[]
}

interface Turn {
  readonly subject: SubjectName
  /** Index in GROUPS. */
  readonly group: number
}

/** A turn that took longer. */
const SLOW_MS = 8000
/** A rival decides a row if it has so much of the best one's figure. */
const NEAR = 0.8

const CHILD = fileURLToPath(new URL('child.js', import.meta.url))

class Rounds implements Measured {
  readonly engines: Partial<Record<SubjectName, string>> = {}
  readonly failures: string[] = []
  readonly sequences: Sequence[] = []
  readonly #results = new Map<string, Result>()
  readonly #failed = new Set<string>()
  /** Who took long in a group, and who of them need not run again. */
  readonly #slow: { subject: SubjectName; names: readonly string[]; key: string }[] = []
  readonly #behind = new Set<string>()

  constructor(private readonly plan: Plan) {}

  get results(): readonly Result[] {
    return [...this.#results.values()]
  }

  async turn({ subject, group }: Turn): Promise<void> {
    const { names, share = 1 } = GROUPS[group]!
    const key = `${subject}, ${names.join(' ')}`
    if (this.#failed.has(key) || this.#behind.has(key)) return
    const { valueBytes, limitMs } = this.plan
    const records = Math.ceil(this.plan.records * share)
    const started = performance.now()
    const known = subject === BARE ? this.#lastOfNative(names) : {}
    const directory = join(this.plan.directory, subject.replace(/\W+/g, '-'))
    // What a run that was stopped may have left.
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { recursive: true })
    try {
      const task = { subject, group, directory, records, valueBytes, limitMs, known }
      const answer = await runChild<ChildTask, ChildAnswer>(CHILD, task)
      this.engines[subject] ??= answer.description
      for (const timing of answer.timings) this.#take(subject, timing)
      this.sequences.push(...answer.series.map((series) => ({ ...series, subject })))
      if (performance.now() - started > SLOW_MS) this.#slow.push({ subject, names, key })
    } catch (error) {
      stopping.throwIfAborted()
      this.#failed.add(key)
      this.failures.push(`${key}: ${(error as Error).message}`)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  /** A round has ended. A rival that takes long and decides no row is not asked again. */
  ended(): void {
    for (const { subject, names, key } of this.#slow.splice(0))
      if (RIVALS.some((rival) => rival === subject) && !this.#decides(subject, names))
        this.#behind.add(key)
  }

  /** Whether it comes near the best rival in some row of these workloads. */
  #decides(subject: SubjectName, names: readonly string[]): boolean {
    const rows = this.results.filter(({ workload, unit }) => {
      return names.includes(workload) && unit === 'op/s'
    })
    const own = rows.filter((row) => row.subject === subject)
    return own.some((row) => {
      const others = rows.filter((other) => nameOf(other) === nameOf(row))
      const rivals = others.filter((other) => RIVALS.some((rival) => rival === other.subject))
      return row.figures[0]! >= NEAR * Math.max(...rivals.map(({ figures }) => figures[0]!))
    })
  }

  #take(subject: SubjectName, timing: Timing): void {
    if (!this.plan.wants(timing.workload)) return
    const { figure, ...what } = timing
    const name = `${nameOf(timing)}, ${subject}`
    const result = this.#results.get(name) ?? { ...what, subject, figures: [] }
    result.figures.push(figure)
    this.#results.set(name, result)
  }

  #lastOfNative(workloads: readonly string[]): Record<string, number> {
    const own = this.results.filter(({ subject, workload }) => {
      return subject === 'native' && workloads.includes(workload)
    })
    return Object.fromEntries(own.map((result) => [nameOf(result), result.figures.at(-1)!]))
  }
}

export async function runRounds(plan: Plan): Promise<Measured> {
  const turns = Array.from({ length: plan.rounds }, (_, round) => turnsOf(plan, round))
  const rounds = new Rounds(plan)
  const bar = progressBar(turns.flat().length)
  try {
    for (const round of turns) {
      for (const turn of round) {
        const names = GROUPS[turn.group]!.names.join(' ')
        bar?.increment(0, { now: `${turn.subject}: ${names}, values of ${plan.valueBytes} bytes` })
        await rounds.turn(turn)
        bar?.increment()
      }
      rounds.ended()
    }
  } finally {
    bar?.stop()
  }
  const { engines, results, sequences, failures } = rounds
  return { engines, results, sequences, failures }
}

/** Who does what in a round, in order. */
function turnsOf({ wants, engines, anySize, asked }: Plan, round: number): Turn[] {
  return GROUPS.flatMap(({ names, ...group }, index) => {
    const rounds = asked ? Infinity : (group.rounds ?? Infinity)
    if (!names.some(wants) || round >= rounds || (anySize && group.anySize !== true)) return []
    const own = engines.filter((engine) => group.engines?.includes(engine) ?? true)
    // Asides have no goals: one round tells enough.
    const withAsides = !anySize && (asked || round === 0)
    const asides = (withAsides ? (group.asides ?? []) : []).filter((aside) => {
      const engine = ASIDE_OF[aside]
      return engine === undefined || engines.includes(engine)
    })
    const bare = group.bare === undefined ? [] : [BARE]
    return [...own, ...asides, ...bare].map((subject) => ({
      subject: subject as SubjectName,
      group: index,
    }))
  })
}
