/**
 * Runs the workloads: every round of every group, the engines in turn (A B C A B C), each in a
 * process of its own.
 *
 * An engine that can not run is told and left out from there on; the others go on.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildAnswer, ChildTask } from './child.js'
import { runChild } from './fork.js'
import { progressBar } from './progress.js'
import { BARE, type EngineName, type SubjectName } from './engine.js'
import { nameOf, type Result } from './figures.js'
import { GROUPS } from './workloads/all.js'
import type { Timing } from './workloads/bench.js'

export interface Plan {
  readonly directory: string
  readonly engines: readonly EngineName[]
  readonly rounds: number
  readonly records: number
  readonly limitMs: number
  readonly wants: (workload: string) => boolean
}

export interface Measured {
  readonly engines: Partial<Record<SubjectName, string>>
  readonly results: readonly Result[]
  readonly failures: readonly string[]
}

const CHILD = fileURLToPath(new URL('child.js', import.meta.url))

class Rounds {
  readonly engines: Partial<Record<SubjectName, string>> = {}
  readonly failures: string[] = []
  readonly #results = new Map<string, Result>()
  readonly #failed = new Set<string>()

  constructor(private readonly plan: Plan) {}

  get results(): readonly Result[] {
    return [...this.#results.values()]
  }

  async turn(subject: SubjectName, group: number): Promise<void> {
    const { names } = GROUPS[group]!
    const key = `${subject}, ${names.join(' ')}`
    if (this.#failed.has(key)) return
    const { records, limitMs } = this.plan
    const known = subject === BARE ? this.#lastOfNative(names) : {}
    const directory = join(this.plan.directory, subject.replace(/\W+/g, '-'))
    // What a run that was stopped may have left.
    await rm(directory, { recursive: true, force: true })
    try {
      const task = { subject, group, directory, records, limitMs, known }
      const answer = await runChild<ChildTask, ChildAnswer>(CHILD, task)
      this.engines[subject] = answer.description
      for (const timing of answer.timings) this.#take(subject, timing)
    } catch (error) {
      this.#failed.add(key)
      this.failures.push(`${key}: ${(error as Error).message}`)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
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
  const turns = GROUPS.flatMap(({ names, asides = [], bare: loops }, group) => {
    if (!names.some(plan.wants)) return []
    const rivals = asides.filter((name) => plan.engines.some((engine) => name.startsWith(engine)))
    const bare = loops === undefined ? [] : [BARE]
    return [...plan.engines, ...rivals, ...bare].map((subject) => ({
      subject: subject as SubjectName,
      group,
    }))
  })
  const rounds = new Rounds(plan)
  const bar = progressBar(turns.length * plan.rounds)
  for (let round = 0; round < plan.rounds; round++) {
    for (const { subject, group } of turns) {
      bar?.increment(0, { now: `${subject}: ${GROUPS[group]!.names.join(' ')}` })
      await rounds.turn(subject, group)
      bar?.increment()
    }
  }
  bar?.stop()
  return { engines: rounds.engines, results: rounds.results, failures: rounds.failures }
}
