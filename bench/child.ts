/**
 * One process of the bench: one engine, one group of workloads, one round.
 *
 * Started by rounds.ts with its task as JSON in the first argument; answers with one IPC message.
 */
import { BARE, loadEngine, type SubjectName } from './engine.js'
import { giveAnswer, readTask } from './fork.js'
import { GROUPS } from './workloads/all.js'
import { Bench, type BareTask, type Series, type Timing } from './workloads/bench.js'

export interface ChildTask extends BareTask {
  readonly subject: SubjectName
  readonly group: number
}

export interface ChildAnswer {
  readonly description: string
  readonly timings: readonly Timing[]
  readonly series: readonly Series[]
}

async function run(task: ChildTask): Promise<ChildAnswer> {
  const { subject } = task
  const group = GROUPS[task.group]!
  if (subject === BARE) {
    const description = 'pwrite and fdatasync, synchronously'
    return { description, timings: await group.bare!(task), series: [] }
  }
  const bench = new Bench(subject, await loadEngine(subject), task)
  await group.run(bench)
  return bench
}

const { description, timings, series } = await run(readTask<ChildTask>())
giveAnswer<ChildAnswer>({ description, timings, series })
