/**
 * The command, run within the test's process for what it says and does to stores, or as its users
 * run it, a process of its own with real pipes, for what signals and pipes do.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { run } from '../../lib/cli/run.js'
import { Interrupted, Session } from '../../lib/cli/session.js'

export const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))

export interface Ended {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string
  readonly stdout: Buffer
  readonly text: string
  readonly errors: string
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
}

/** Starts it as a process and leaves its input open. */
export function start(...words: readonly string[]): Running {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: 'pipe' })
  const out: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => out.push(part))
  child.stderr.on('data', (part: Buffer) => errors.push(part))
  // It may end before it has read all that is written to it.
  child.stdin.on('error', () => {})
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(endedWith(code ?? signal!, out, errors)))
  })
  return { child, ended }
}

/** Runs it to its end within this process, with no input. */
export function cairn(...words: readonly string[]): Promise<Ended> {
  return cairnWith('', ...words)
}

export function cairnWith(input: string | Buffer, ...words: readonly string[]): Promise<Ended> {
  return begin(input, words).ended
}

/** Begins a run within this process that `interrupt` ends as a signal does. */
export function interruptible(...words: readonly string[]): {
  interrupt: () => void
  ended: Promise<Ended>
} {
  const { session, ended } = begin('', words)
  return { interrupt: () => session.interrupt(new Interrupted('SIGINT')), ended }
}

function begin(input: string | Buffer, words: readonly string[]) {
  const out: Buffer[] = []
  const errors: Buffer[] = []
  const stdin = Readable.from(input.length === 0 ? [] : [Buffer.from(input)])
  const session = new Session({ stdin, stdout: gathering(out), stderr: gathering(errors) })
  const ended = run(words, session).then((code) => endedWith(code, out, errors))
  return { session, ended }
}

function gathering(parts: Buffer[]): Writable {
  return new Writable({
    write(part: Buffer, _, done) {
      parts.push(part)
      done()
    },
  })
}

function endedWith(code: Ended['code'], out: readonly Buffer[], errors: readonly Buffer[]): Ended {
  const stdout = Buffer.concat(out)
  return { code, stdout, text: stdout.toString(), errors: Buffer.concat(errors).toString() }
}

/** The JSON document, or the JSON lines, that it printed. */
export function documents({ text }: Ended): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

interface Test {
  teardown(work: () => unknown): void
}

/** A new directory that goes away with the test. */
export async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(os.tmpdir(), 'cairn-cli-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Waits until the files of a store have grown to `bytes`; it comes when it comes. */
export async function grownTo(directory: string, bytes: number): Promise<void> {
  while ((await bytesIn(directory)) < bytes) await sleep(5)
}

async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => [])
  const sizes = names.map((name) => {
    return stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    )
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
