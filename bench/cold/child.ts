/**
 * A process of the cold bench: makes the store, or reads it cold on one plane, phase by phase.
 *
 * Before each phase the store is closed, its files leave the page cache, and it is opened again,
 * so that neither the system nor the store remembers what earlier phases read.
 */
import { CairnLevel } from '../../lib/index.js'
import { giveAnswer, readTask } from '../fork.js'
import { LoopWatch, type Lateness } from '../lateness.js'
import { bytesFromDisk } from '../process.js'
import { dropCache } from './cache.js'
import { PHASES, type Phase, type Reads } from './phases.js'
import { coldRows, fillCold, type ColdStore } from './records.js'

export interface ColdTask {
  readonly directory: string
  readonly megabytes: number
  /** How often each phase is gone through. */
  readonly rounds: number
  /** Undefined makes the store. */
  readonly plane?: 'native' | 'typescript'
}

export interface ColdPhase extends Reads {
  readonly plane: string
  readonly io: string
  readonly phase: string
  readonly dropped: string
  readonly diskBytes: number | undefined
  readonly lateness: Lateness
}

async function open(task: ColdTask): Promise<ColdStore> {
  const { plane = 'auto', directory } = task
  const db = new CairnLevel<string, Buffer>(directory, { valueEncoding: 'buffer', plane })
  await db.open()
  return db
}

async function make(task: ColdTask): Promise<void> {
  const db = await open(task)
  await fillCold(db, coldRows(task.megabytes))
  await db.close()
}

async function read(task: ColdTask): Promise<ColdPhase[]> {
  const watch = new LoopWatch()
  const answers: ColdPhase[] = []
  for (const phase of PHASES) answers.push(await readPhase(task, phase, watch))
  await watch.close()
  return answers
}

async function readPhase(task: ColdTask, phase: Phase, watch: LoopWatch): Promise<ColdPhase> {
  const total = { reads: 0, waited: 0 }
  let diskBytes: number | undefined = 0
  let made = { plane: '', io: '', dropped: '' }
  for (let round = 0; round < task.rounds; round++) {
    const dropped = dropCache(task.directory)
    const db = await open(task)
    const { name: plane, io } = db.plane
    made = { plane, io, dropped }
    const before = bytesFromDisk()
    await watch.start()
    const { reads, waited } = await phase.run(db, coldRows(task.megabytes), round)
    await watch.stop()
    const after = bytesFromDisk()
    total.reads += reads
    total.waited += waited
    if (before === undefined || after === undefined) diskBytes = undefined
    else if (diskBytes !== undefined) diskBytes += after - before
    await db.close()
  }
  return { phase: phase.name, ...made, ...total, diskBytes, lateness: watch.take() }
}

const task = readTask<ColdTask>()
if (task.plane === undefined) {
  await make(task)
  giveAnswer(true)
} else giveAnswer(await read(task))
