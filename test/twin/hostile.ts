/**
 * The child of hostile.test.ts: calls a plane in ways that no caller should, one scenario after the
 * other, and tells the outcome of each.
 *
 * Every scenario says what may come out: a typed error, or the bytes as they were at the call. A
 * death by a signal shows as a scenario that began and has no outcome.
 * Usage: node --expose-gc hostile.js (native|typescript) FIRST
 */
import { writeSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { diskStorage } from '../../lib/io/index.js'
import { selectPlane } from '../../lib/planes/select.js'
import { PLANES } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { answer } from './answers.js'
import { BUFFERS } from './hostile-buffers.js'
import { FILES } from './hostile-files.js'
import { HANDLES } from './hostile-handles.js'
import { NUMBERS } from './hostile-numbers.js'
import type { Scenario, World } from './hostile-world.js'

export const SCENARIOS: readonly Scenario[] = [...BUFFERS, ...HANDLES, ...NUMBERS, ...FILES]

/** Whether a plane promises anything about a scenario. */
export function isFor({ planes }: Scenario, name: PlaneName): boolean {
  return planes?.includes(name) ?? true
}

/** A scenario that does not end is as bad as one that dies. */
const LIMIT_MS = 30_000

function makeWorld(name: PlaneName, directory: string): World {
  const storage = diskStorage(directory)
  const options = { storage, cacheBytes: 4096, maxOpenTables: 10 }
  const make = (name: PlaneName) => selectPlane(name, options).plane
  const other = name === 'native' ? 'typescript' : 'native'
  return {
    plane: make(name),
    another: () => make(name),
    foreign: () => (PLANES.includes(other) ? make(other) : undefined),
    storage,
    directory,
  }
}

async function runScenario(name: PlaneName, scenario: Scenario): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'cairn-hostile-'))
  let timer: NodeJS.Timeout | undefined
  try {
    const hang = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve('hangs'), LIMIT_MS)
    })
    const world = makeWorld(name, directory)
    const outcome = await Promise.race([hang, answer(() => scenario.run(world))])
    await Promise.race([hang, world.plane.close()])
    return outcome
  } finally {
    clearTimeout(timer)
    rmSync(directory, { recursive: true, force: true })
  }
}

async function main(name: PlaneName, first: number): Promise<void> {
  // Some scenarios need both planes.
  delete process.env['CAIRN_PLANE']
  process.on('unhandledRejection', (error) => {
    writeSync(1, `${JSON.stringify({ unhandled: String(error) })}\n`)
  })
  for (let index = first; index < SCENARIOS.length; index++) {
    const scenario = SCENARIOS[index]!
    if (!isFor(scenario, name)) continue
    writeSync(1, `${JSON.stringify({ began: index })}\n`)
    const outcome = await runScenario(name, scenario)
    writeSync(1, `${JSON.stringify({ index, outcome })}\n`)
  }
  process.exit(0)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv[2] as PlaneName, Number(process.argv[3]))
