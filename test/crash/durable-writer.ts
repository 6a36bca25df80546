/**
 * The child of the kill campaigns of journals and maps: writes numbered units without end and
 * tells what was acknowledged.
 *
 * Unit i is a function of (seed, i) alone, so the parent can replay it. It goes on behind what it
 * finds. Lines are `index sequence`, one synchronous write each, once the promise has settled.
 * Usage: node durable-writer.js journal|map DIRECTORY SEED OPTIONS
 */
import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { diskStorage } from '../../lib/io/index.js'
import { below, pick } from '../support/campaign.js'
import type { MapOperation } from '../../lib/stores/map/index.js'
import { openStore } from '../support/journal.js'
import type { Change } from '../support/model.js'
import { random } from '../support/random.js'
import { openTexts } from './map-texts.js'
import { KEY } from './secrets.js'

export const COUNT_KEY = '!count'
export type StoreName = 'journal' | 'map'

const KEYS = 200
/** Units that are written at once. */
export const IN_FLIGHT = 16
const LENGTHS = [8, 8, 100, 2000]

/** What both sides open a store with. */
export interface KillOptions {
  readonly sync: 'always' | 'interval' | 'never'
  readonly encrypted: boolean
}

export function storeOptions({ sync, encrypted }: KillOptions): object {
  return {
    ...{ sync, syncIntervalMs: 5, segmentBytes: 65_536, batchRecords: 20 },
    ...(encrypted && { key: KEY }),
  }
}

/** For a map: upkeep that runs all the time. */
export const BUSY = { compactThreshold: 300, snapshotJournalBytes: 100_000, keepSnapshots: 2 }

/** The records of unit `index` of a journal; the number stands in each. */
export function recordsAt(seed: number, index: number): string[] {
  const dice = random(seed * 1_000_003 + index)
  const count = pick(dice, [1, 1, 2, 10])
  return Array.from({ length: count }, (_, i) =>
    `${index}.${i}.${count}.`.padEnd(pick(dice, LENGTHS), 'v'),
  )
}

/** The batch `index` of a map, which counts itself, and whether everything is cleared before. */
export function changesAt(seed: number, index: number): { clears: boolean; changes: Change[] } {
  const dice = random(seed * 1_000_003 + index)
  const count = pick(dice, [1, 2, 10])
  const changes = Array.from({ length: count }, (): Change => {
    const key = `key-${below(dice, KEYS)}`
    if (dice() < 0.25) return { type: 'del', key }
    return { type: 'put', key, value: `${index}.`.padEnd(pick(dice, LENGTHS), 'v') }
  })
  changes.push({ type: 'put', key: COUNT_KEY, value: String(index + 1) })
  return { clears: dice() < 0.01, changes }
}

/** One unit: settles with the sequence of its last record. */
type Write = (index: number) => Promise<number>

async function journalWriter(directory: string, seed: number, options: object) {
  const journal = await openStore(diskStorage(directory), options)
  let first = 0
  for await (const { payload } of journal.read())
    first = 1 + Number.parseInt(Buffer.from(payload).toString())
  const write: Write = async (index) => {
    const records = recordsAt(seed, index)
    return (await journal.appendAll(records)) + records.length - 1
  }
  return { first, write }
}

async function mapWriter(directory: string, seed: number, options: object) {
  const map = await openTexts(diskStorage(directory), { ...options, ...BUSY })
  const first = Number(map.get(COUNT_KEY) ?? 0)
  const write: Write = async (index) => {
    const { clears, changes } = changesAt(seed, index)
    if (clears) void map.clear()
    await map.batch(changes.map(operationOf))
    return map.version(COUNT_KEY)
  }
  return { first, write }
}

function operationOf(change: Change): MapOperation<string, string> {
  const { key } = change
  return change.type === 'put' ? { type: 'set', key, value: change.value } : { type: 'delete', key }
}

async function main(store: StoreName, directory: string, seed: number, options: object) {
  const open = store === 'journal' ? journalWriter : mapWriter
  const { first, write } = await open(directory, seed, options)
  const pending: Promise<void>[] = []
  for (let index = first; ; index++) {
    pending.push(
      write(index).then((sequence) => {
        writeSync(1, `${index} ${sequence}\n`)
      }),
    )
    if (pending.length >= IN_FLIGHT) await pending.shift()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [store, directory = '', seed, options = '{}'] = process.argv.slice(2)
  const given = storeOptions(JSON.parse(options) as KillOptions)
  await main(store as StoreName, directory, Number(seed), given)
}
