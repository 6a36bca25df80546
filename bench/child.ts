/**
 * One process of the bench: one engine, one group of workloads, one round.
 *
 * Started by rounds.ts with its task as JSON in the first argument; answers with one IPC message.
 */
import { mkdir } from 'node:fs/promises'
import { BARE, loadEngine, type SubjectName } from './engine.js'
import { giveAnswer, readTask } from './fork.js'
import { GROUPS } from './workloads/all.js'
import { Bench, type BareTask, type Timing } from './workloads/bench.js'

export interface ChildTask extends BareTask {
  readonly subject: SubjectName
  readonly group: number
  readonly records: number
}

export interface ChildAnswer {
  readonly description: string
  readonly timings: readonly Timing[]
}

async function run(task: ChildTask): Promise<ChildAnswer> {
  const { subject, directory, records, limitMs } = task
  const group = GROUPS[task.group]!
  await mkdir(directory, { recursive: true })
  if (subject === BARE) {
    const description = 'pwrite of 140 bytes a record and fdatasync, synchronously'
    return { description, timings: await group.bare!(task) }
  }
  const bench = new Bench(await loadEngine(subject), directory, records, limitMs)
  await group.run(bench)
  return bench
}

const { description, timings } = await run(readTask<ChildTask>())
giveAnswer<ChildAnswer>({ description, timings })
