/**
 * Child processes of the tests of the native plane: each dies alone, so that a signal is a failed
 * assertion and not the end of the test.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A child that runs longer than this hangs; no outcome depends on it otherwise. */
const HANG_MS = 120_000
/** A crash that reports itself says all it has within so much. */
const COMPLAINT_CHARACTERS = 4000

export interface ChildTask {
  /** The compiled script. */
  readonly script: string
  readonly args?: readonly string[]
  /** Set on top of this process's environment; undefined unsets. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Options of node itself. */
  readonly node?: readonly string[]
  /** What node is run by: a command and its arguments. */
  readonly under?: readonly string[]
  /** Called with each whole line of the child's output, and with the child's process id. */
  readonly onLine?: (line: string, kill: (signal: NodeJS.Signals) => void) => void
}

export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly hung: boolean
  /** Whole lines: the last one may have been cut by the child's death. */
  readonly lines: readonly string[]
  readonly complaint: string
}

/** Runs a child to its end. */
export async function runChild(task: ChildTask): Promise<ChildEnd> {
  const { script, args = [], node = [], under = [], onLine } = task
  const [command, ...rest] = [...under, process.execPath, ...node, script, ...args]
  const child = spawn(command!, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(task.environment ?? {}),
  })
  let hung = false
  const limit = setTimeout(() => {
    hung = true
    child.kill('SIGKILL')
  }, HANG_MS)
  const lines: string[] = []
  let begun = ''
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const whole = (begun + chunk.toString('latin1')).split('\n')
    begun = whole.pop()!
    for (const line of whole) {
      lines.push(line)
      onLine?.(line, (signal) => child.kill(signal))
    }
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('latin1')).slice(-COMPLAINT_CHARACTERS)
  })
  await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  clearTimeout(limit)
  return { code: child.exitCode, signal: child.signalCode, hung, lines, complaint }
}

function environmentOf(changes: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env }
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete environment[name]
    else environment[name] = value
  }
  return environment
}

/** The path of a script beside the one whose `import.meta.url` is given. */
export function scriptBeside(url: string, name: string): string {
  return fileURLToPath(new URL(name, url))
}

/** The nearest folder above this file that holds a package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}
