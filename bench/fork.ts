/**
 * Children of the bench: one module, one task as JSON in its first argument, one answer by IPC.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Rejects with what the child said when it ends without an answer. */
export async function runChild<Task, Answer>(module: string, task: Task): Promise<Answer> {
  const options = { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] as ('ignore' | 'pipe' | 'ipc')[] }
  const child = fork(module, [JSON.stringify(task)], options)
  let answer: Answer | undefined
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.on('message', (message) => (answer = message as Answer))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (code === 0 && answer !== undefined) return answer
  const reason = errors.split('\n').find((line) => /Error\b/.test(line)) ?? ''
  throw new Error(`${signal ?? `exit code ${code}`} ${reason}`.trim())
}

/** In a child. */
export function readTask<Task>(): Task {
  return JSON.parse(process.argv[2]!) as Task
}

/** In a child, as its last act. */
export function giveAnswer<Answer>(answer: Answer): void {
  process.send!(answer)
  process.disconnect()
}
