/**
 * How a child of the main job talks to its parent: JSON lines over a pipe of its own.
 *
 * Written synchronously, so that a line is in the pipe before the next statement runs: what a
 * killed child had said is heard.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const CHANNEL = 3

export function tell(message: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`)
  let sent = 0
  while (sent < bytes.length) sent += writeSync(CHANNEL, bytes, sent)
}

export interface Child<T> {
  readonly process: ChildProcess
  readonly messages: AsyncIterable<T>
  /** Settles when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts `module`, a compiled file beside this one, with `task` as JSON on its stdin. */
export function startChild<T>(module: string, task: unknown): Child<T> {
  const file = fileURLToPath(new URL(module, import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'inherit', 'inherit', 'pipe'] })
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code ?? 1))
  })
  child.stdin!.on('error', () => {})
  child.stdin!.end(JSON.stringify(task))
  return { process: child, messages: parsed<T>(child.stdio[CHANNEL] as Readable), ended }
}

/** Whole lines only: a killed child may have been in the middle of one. */
async function* parsed<T>(stream: Readable): AsyncGenerator<T> {
  let held = ''
  stream.setEncoding('utf8')
  for await (const text of stream) {
    const lines = (held + (text as string)).split('\n')
    held = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as T
  }
}

/** In a child: the task that its parent gave. */
export async function readTask<T>(): Promise<T> {
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as T
}
