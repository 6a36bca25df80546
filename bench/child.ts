/**
 * One process of the bench: one engine, one group of workloads, one round.
 *
 * Started by main.ts with its task as JSON in the first argument; answers with one IPC message.
 */
import { loadEngine, type EngineName } from './engine.js'
import { Bench, GROUPS, type Timing } from './workloads.js'

export interface ChildTask {
  readonly engine: EngineName
  readonly group: number
  readonly directory: string
  readonly records: number
}

export interface ChildAnswer {
  readonly description: string
  readonly timings: readonly Timing[]
}

const task = JSON.parse(process.argv[2]!) as ChildTask
const bench = new Bench(await loadEngine(task.engine), task.directory, task.records)
await GROUPS[task.group]!.run(bench)
process.send!({ description: bench.description, timings: bench.timings } satisfies ChildAnswer)
process.disconnect()
