/**
 * The rivals and where they are: bench/node_modules, put there by `npm ci` when it is not yet what
 * bench/package-lock.json says.
 *
 * Prebuilt packages come from the registry; better-sqlite3 is compiled where it has no build for
 * this Node, which takes some minutes, once. What can not be had is left out of the tables.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RIVALS, type EngineName } from '../engine.js'

const FOLDER = join(projectRoot(), 'bench')
const INSTALL_MS = 20 * 60_000

/** The nearest folder above this file that holds a package.json. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export function requireRival(name: string): unknown {
  return createRequire(join(FOLDER, 'package.json'))(name)
}

export function versionOf(name: string): string {
  const file = join(FOLDER, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Installs what is missing; gives the rivals that can not be had, each with the reason. */
export function installRivals(): Map<EngineName, string> {
  if (!isCurrent()) {
    process.stderr.write('installing the rivals (once; compiling one may take minutes)...\n')
    const { status, error, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: FOLDER,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: INSTALL_MS,
    })
    if (status !== 0) process.stderr.write(`npm ci failed: ${error?.message ?? stderr}\n`)
  }
  const absent = new Map<EngineName, string>()
  for (const name of RIVALS) {
    const reason = whyAbsent(name)
    if (reason !== undefined) absent.set(name, reason)
  }
  return absent
}

/** Whether the installed tree has the versions of the lockfile. */
function isCurrent(): boolean {
  try {
    const { packages } = JSON.parse(readFileSync(join(FOLDER, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version?: string }>
    }
    return RIVALS.every((name) => packages[`node_modules/${name}`]?.version === versionOf(name))
  } catch {
    return false
  }
}

/** Asked in a process of its own: this one shall load no rival. */
function whyAbsent(name: EngineName): string | undefined {
  const module = `require('${name}')`
  // better-sqlite3 loads its addon with the first database only.
  const code = name === 'better-sqlite3' ? `new (${module})(':memory:').close()` : module
  const { status, stderr } = spawnSync(process.execPath, ['-e', code], {
    cwd: FOLDER,
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  return stderr.split('\n').find((line) => line.includes('Error')) ?? 'it can not be loaded'
}
