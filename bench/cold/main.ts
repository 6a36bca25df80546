/**
 * The cold bench: a store larger than any cache of ours, read from the disk on both planes.
 *
 * What it shows: a read of a cold table never holds the event loop.
 */
import { mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runChild, stopping } from '../fork.js'
import { progressBar } from '../progress.js'
import type { ColdPhase, ColdTask } from './child.js'
import type { ColdReport } from './report.js'

const PLANES = ['native', 'typescript'] as const

/** `directory` is made, and removed afterwards. */
export async function measureCold(
  directory: string,
  megabytes: number,
  rounds: number,
): Promise<ColdReport> {
  const file = fileURLToPath(new URL('child.js', import.meta.url))
  const phases: ColdPhase[] = []
  const failures: string[] = []
  const bar = progressBar(1 + PLANES.length)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  try {
    bar?.increment(0, { now: `cold: a store of ${megabytes} MB is made` })
    await runChild<ColdTask, true>(file, { directory, megabytes, rounds })
    for (const plane of PLANES) {
      bar?.increment(1, { now: `cold: ${plane}` })
      try {
        const task = { directory, megabytes, rounds, plane }
        phases.push(...(await runChild<ColdTask, ColdPhase[]>(file, task)))
      } catch (error) {
        stopping.throwIfAborted()
        failures.push(`cold, ${plane}: ${(error as Error).message}`)
      }
    }
  } finally {
    bar?.stop()
    await rm(directory, { recursive: true, force: true })
  }
  return { megabytes, rounds, phases, failures }
}
