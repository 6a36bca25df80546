/** What either plane makes of the directory that a power cut left: all of it checked. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import type { Storage } from '../../lib/io/files.js'
import { diskStorage, memoryStorage } from '../../lib/io/index.js'
import { TINY, contentOf, openLevel } from '../support/level.js'
import type { Level } from '../support/level.js'
import type { Entry } from '../support/model.js'
import type { PlaneName } from '../support/planes.js'
import type { CrashState } from '../support/trace-replay.js'
import { NATIVE } from './native-power-workload.js'

/** Equal for equal states. */
export function digestOf(state: CrashState): string {
  const hash = createHash('sha1')
  if (state === undefined) return ''
  for (const name of [...state.keys()].sort())
    hash.update(`${name} ${state.get(name)!.length} `).update(state.get(name)!)
  return hash.digest('hex')
}

async function inMemory(state: CrashState): Promise<Storage> {
  const storage = memoryStorage()
  if (state === undefined) return storage
  await storage.createDirectory()
  for (const [name, bytes] of state) {
    const [directory, below] = name.split('/')
    if (below !== undefined) await storage.makeDirectory(directory!)
    const file = await storage.create(name)
    file.writeSync(bytes, 0)
    await file.close()
  }
  return storage
}

/** Makes a directory of a state. */
export function layDown(state: CrashState, directory: string): void {
  if (state === undefined) return
  fs.mkdirSync(directory)
  for (const [name, bytes] of state) {
    fs.mkdirSync(dirname(join(directory, name)), { recursive: true })
    fs.writeFileSync(join(directory, name), bytes)
  }
}

/** What is found in a store that must be whole. */
async function wholeContent(db: Level): Promise<Entry[]> {
  const found = await contentOf(db)
  assert.equal(db.recovered.damage, undefined, 'a crash is no damage')
  const report = await db.verify()
  assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
  return found
}

/** What the TypeScript plane finds, on memory. */
export async function recoverInMemory(state: CrashState): Promise<Entry[]> {
  const db = await openLevel(await inMemory(state), TINY)
  try {
    return await wholeContent(db)
  } finally {
    await db.close()
  }
}

/** Opens on the native plane, writes, closes, and opens again on either plane. */
export async function recoverNative(directory: string, plane: PlaneName): Promise<Entry[]> {
  const storage = diskStorage(directory)
  const db = await openLevel(storage, NATIVE)
  let found: Entry[]
  try {
    assert.equal(db.plane.name, 'native')
    found = await wholeContent(db)
    await db.put('after', 'all', { sync: true })
  } finally {
    await db.close()
  }
  const again = await openLevel(storage, { ...TINY, plane })
  try {
    assert.equal(again.recovered.torn, undefined, 'a clean close leaves nothing torn')
    assert.equal(await again.get('after'), 'all')
    await again.del('after')
    assert.deepEqual(await contentOf(again), found, `a second open, ${plane}, gives the same`)
  } finally {
    await again.close()
  }
  return found
}
