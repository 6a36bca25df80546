/**
 * Another process, worker thread or cluster worker that asks for a lock, for the tests of locks.
 * Told a directory and options by argument or worker data, it says `held` or the error's code,
 * and stays, with the lock if it has it, until it is ended; told `release`, it says `released`.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { diskStorage } from '../../lib/io/index.js'
import type { LockOptions, StorageLock } from '../../lib/io/index.js'

interface Task extends LockOptions {
  readonly directory: string
}

const task = (isMainThread ? JSON.parse(process.argv[2]!) : workerData) as Task

function say(message: string): void {
  if (parentPort) parentPort.postMessage(message)
  else process.send!(message)
}

let lock: StorageLock | undefined
const receive = (message: unknown) => {
  if (message !== 'release') return
  void lock?.release().then(() => say('released'))
}
if (parentPort) parentPort.on('message', receive)
else process.on('message', receive)

try {
  lock = await diskStorage(task.directory).lock(task)
  say('held')
} catch (error) {
  say(`${(error as { code?: string }).code} ${(error as Error).message}`)
}
