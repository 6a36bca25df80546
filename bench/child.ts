/**
 * One process of the bench: one engine, one group of workloads, one round.
 *
 * Started by rounds.ts with its task as JSON in the first argument; answers with one IPC message.
 */
import { BARE, loadEngine, type SubjectName } from './engine.js'
import { giveAnswer, readTask } from './fork.js'
import { GROUPS } from './workloads/all.js'
import { bareLoops } from './workloads/bare.js'
import { Bench, type Timing } from './workloads/bench.js'

export interface ChildTask {
  readonly subject: SubjectName
  readonly group: number
  readonly directory: string
  readonly records: number
  readonly limitMs: number
}

export interface ChildAnswer {
  readonly description: string
  readonly timings: readonly Timing[]
}

async function run(task: ChildTask): Promise<ChildAnswer> {
  const { subject, directory, records, limitMs } = task
  if (subject === BARE) {
    const description = 'pwrite of 140 bytes and fdatasync, synchronously'
    return { description, timings: bareLoops(directory, limitMs) }
  }
  const bench = new Bench(await loadEngine(subject), directory, records, limitMs)
  await GROUPS[task.group]!.run(bench)
  return bench
}

const { description, timings } = await run(readTask<ChildTask>())
giveAnswer<ChildAnswer>({ description, timings })
