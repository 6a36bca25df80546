/**
 * The child of life.test.ts that dies: synced puts, 16 in flight, each acknowledged on a line.
 *
 * Entry n is a function of n, and puts settle in order, so what survives is plain. A line goes out
 * with one synchronous write, after the promise has settled.
 * Usage: node mortal.js JSON-OF-MortalTask
 */
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { CairnLevel } from '../../lib/stores/kv/index.js'

/** How a child ends, and what the process then gives as its code or signal. */
export const ENDS = {
  /** By process.exit, out of an acknowledgement. */
  exit: { code: 7, signal: null },
  /** The same with a merge and a cold read under way. */
  exitBusy: { code: 7, signal: null },
  /** By an exception that nothing catches, out of a timer. */
  throw: { code: 1, signal: null },
  /** By a rejection that nothing handles. */
  reject: { code: 1, signal: null },
  /** Its worker thread, which owns the store, is terminated. */
  terminate: { code: 0, signal: null },
  /** The worker thread calls process.exit. */
  workerExit: { code: 0, signal: null },
  /** The worker thread throws. */
  workerThrow: { code: 0, signal: null },
  /** The worker thread has nothing more to do, and has not closed. */
  workerEnd: { code: 0, signal: null },
  /** It has nothing more to do, and has not closed. */
  end: { code: 0, signal: null },
  /** The parent sends a signal. */
  SIGTERM: { code: null, signal: 'SIGTERM' },
  SIGKILL: { code: null, signal: 'SIGKILL' },
} as const
export type End = keyof typeof ENDS
const IN_WORKER: readonly End[] = ['terminate', 'workerExit', 'workerThrow', 'workerEnd']
/** These make all their writes, and die of nothing else. */
export const WHOLE: readonly End[] = ['end', 'workerEnd']

export interface MortalTask {
  readonly directory: string
  readonly end: End
  /** The number of the first entry to write. */
  readonly first: number
  /** It ends behind so many acknowledgements. */
  readonly count: number
  readonly delayMs: number
}

export const IN_FLIGHT = 16
/** Small enough that a few hundred writes rotate, flush and merge. */
export const SMALL = { writeBufferSize: 8192, blockSize: 256, maxFileSize: 8192, infoLog: false }
const EXIT_CODE = 7

export function keyOf(n: number): string {
  return `key-${String(n).padStart(8, '0')}`
}

export function valueOf(n: number): string {
  return `${n}.`.padEnd(8 + ((n * 7919) % 600), 'v')
}

/** Does what the parent can not do from outside. */
function die(end: End, db: CairnLevel): void {
  if (end === 'exit' || end === 'workerExit') process.exit(EXIT_CODE)
  if (end === 'exitBusy') {
    void db.compactRange(null, null)
    void db.values({ fillCache: false }).all()
    setImmediate(() => process.exit(EXIT_CODE))
  }
  if (end === 'throw' || end === 'workerThrow')
    setImmediate(() => {
      throw new Error('on purpose')
    })
  if (end === 'reject') void Promise.reject(new Error('on purpose'))
  if (end === 'terminate') parentPort!.postMessage('now')
}

async function write(task: MortalTask): Promise<void> {
  const { directory, end, first, count, delayMs } = task
  const db = new CairnLevel(directory, SMALL)
  await db.open()
  writeSync(1, 'open\n')
  let acknowledged = 0
  let dying = false
  const last = WHOLE.includes(end) ? first + count : Infinity
  const acknowledge = (n: number): void => {
    writeSync(1, `${n}\n`)
    acknowledged++
    if (acknowledged < count || dying) return
    dying = true
    if (delayMs === 0) die(end, db)
    else setTimeout(() => die(end, db), delayMs)
  }
  const pending: Promise<void>[] = []
  for (let n = first; n < last; n++) {
    pending.push(db.put(keyOf(n), valueOf(n), { sync: true }).then(() => acknowledge(n)))
    if (pending.length >= IN_FLIGHT) await pending.shift()
  }
}

/** Lets a worker thread do it, and sees that the directory is free when that is gone. */
async function overWorker(task: MortalTask): Promise<void> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task })
  const gone = new Promise<number>((resolve) => worker.on('exit', resolve))
  worker.on('message', () => {
    setTimeout(() => void worker.terminate(), task.delayMs)
  })
  // Told by its exit code.
  worker.on('error', () => {})
  writeSync(1, `worker ${await gone}\n`)
  const db = new CairnLevel(task.directory, SMALL)
  await db.put('reopened', 'yes')
  await db.close()
  await delay(1)
}

if (!isMainThread && 'end' in (workerData as object)) await write(workerData as MortalTask)
else if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const task = JSON.parse(process.argv[2]!) as MortalTask
  await (IN_WORKER.includes(task.end) ? overWorker(task) : write(task))
}
