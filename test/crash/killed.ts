/**
 * A writing process that is killed some time after it started, and what it told until then.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'

export interface Killing {
  /** The module that the process runs, and what it is given. */
  readonly script: string
  readonly args: readonly string[]
  readonly delayMs: number
  /** The delay begins with the first line, not with the process. */
  readonly fromFirstLine: boolean
}

/** Runs it, kills it, gives the lines that it had written whole. */
export async function runAndKill({
  script,
  args,
  delayMs,
  fromFirstLine,
}: Killing): Promise<string[]> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  let complaint = ''
  const killLater = (): void => {
    setTimeout(() => child.kill('SIGKILL'), delayMs)
  }
  if (!fromFirstLine) killLater()
  child.stdout.on('data', (chunk: Buffer) => {
    if (told === '' && fromFirstLine) killLater()
    told += chunk.toString('latin1')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  await new Promise((resolve) => child.on('close', resolve))
  assert.equal(child.signalCode, 'SIGKILL', `the writer died by itself: ${complaint}`)
  // A last line without its newline was cut by the kill; the ones before it count.
  return told.split('\n').slice(0, -1)
}
