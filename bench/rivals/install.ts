/**
 * The rivals, in bench/node_modules.
 *
 * Prebuilt packages come from the registry; better-sqlite3 is compiled where it has no build for
 * this Node, which takes some minutes, once. What can not be had is left out of the tables.
 */
import { spawnSync } from 'node:child_process'
import { RIVALS, type EngineName } from '../engine.js'
import { Packages } from '../packages.js'

const PACKAGES = new Packages('bench', RIVALS)

export function requireRival(name: string): unknown {
  return PACKAGES.require(name)
}

export function versionOf(name: string): string {
  return PACKAGES.versionOf(name)
}

/** Installs what is missing; gives the rivals that can not be had, each with the reason. */
export function installRivals(): Map<EngineName, string> {
  PACKAGES.install('the rivals (once; compiling one may take minutes)')
  const absent = new Map<EngineName, string>()
  for (const name of RIVALS) {
    const reason = whyAbsent(name)
    if (reason !== undefined) absent.set(name, reason)
  }
  return absent
}

/** Asked in a process of its own: this one shall load no rival. */
function whyAbsent(name: EngineName): string | undefined {
  const module = `require('${name}')`
  // better-sqlite3 loads its addon with the first database only.
  const code = name === 'better-sqlite3' ? `new (${module})(':memory:').close()` : module
  const { status, stderr } = spawnSync(process.execPath, ['-e', code], {
    cwd: PACKAGES.folder,
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  return stderr.split('\n').find((line) => line.includes('Error')) ?? 'it can not be loaded'
}
