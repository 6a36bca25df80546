/**
 * Children of the bench: one module, one task as JSON in its first argument, one answer by IPC.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'

const stop = new AbortController()

/** Aborted when the bench is to end at once: its children are killed, no other begins. */
export const stopping: AbortSignal = stop.signal

/** Ends the bench at the first of these signals of the terminal or the system. */
export function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
  }
}

/** Rejects with what the child said when it ends without an answer. */
export async function runChild<Task, Answer>(module: string, task: Task): Promise<Answer> {
  stopping.throwIfAborted()
  const child = fork(module, [JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Its own group of processes: a Ctrl-C is for this process, which then kills it.
    detached: true,
  })
  const kill = (): void => void child.kill('SIGKILL')
  stopping.addEventListener('abort', kill)
  let answer: Answer | undefined
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.on('message', (message) => (answer = message as Answer))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  stopping.removeEventListener('abort', kill)
  stopping.throwIfAborted()
  if (code === 0 && answer !== undefined) return answer
  const reason = errors.split('\n').find((line) => /Error\b/.test(line)) ?? ''
  throw new Error(`${signal ?? `exit code ${code}`} ${reason}`.trim())
}

/** A child whose parent is gone has nobody to measure for. */
function die(): void {
  process.exit(1)
}

/** In a child. */
export function readTask<Task>(): Task {
  process.once('disconnect', die)
  return JSON.parse(process.argv[2]!) as Task
}

/** In a child, as its last act. */
export function giveAnswer<Answer>(answer: Answer): void {
  process.off('disconnect', die)
  process.send!(answer)
  process.disconnect()
}
