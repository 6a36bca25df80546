/**
 * What a plane answers about some bytes, as text: two planes are held to each other by it.
 *
 * An error is told by class, code, file, offset and message, so that no plane may judge the same
 * bytes in another way, or find the damage elsewhere.
 */
import { createHash } from 'node:crypto'
import type { TableMeta } from '../../lib/format/edit.js'
import { tableName } from '../../lib/format/names.js'
import type { Storage } from '../../lib/io/files.js'
import { ABSENT, COLD } from '../../lib/plane.js'
import type { DataPlane, MergeDamage, Source, View } from '../../lib/plane.js'
import { TINY_TABLES, readCursor } from '../support/entries.js'
import { readAll } from '../support/level.js'

const NEVER = new AbortController().signal
/** No record of a specimen is as long as this, whatever its length says. */
const RECORDS_MOST = 1000

export function hashOf(bytes: Uint8Array): string {
  if (bytes.length <= 20) return Buffer.from(bytes).toString('hex')
  return `${bytes.length}:${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}`
}

export function toldError(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`
  const { code, file, offset } = error as { code?: string; file?: string; offset?: number }
  return `${error.name} ${code} ${file} ${offset} ${error.message}`
}

/** The answer of some work, or the error that it ended with. */
export async function answer(work: () => unknown): Promise<string> {
  try {
    const result = await work()
    return typeof result === 'string' ? result : JSON.stringify(result)
  } catch (error) {
    return toldError(error)
  }
}

/** Where a search of a journal begins and what it looks for. */
export interface Probe {
  readonly from: number
  readonly above: number
  readonly minBytes: number
  /** Of the checksums from the probe on, unless it stays. */
  readonly seed: number | undefined
}

export async function journalAnswers(
  plane: DataPlane,
  name: string,
  probes: readonly Probe[],
): Promise<string[]> {
  const reader = await plane.openJournal(name)
  const records = (): Promise<string> =>
    answer(async () => {
      const told: string[] = []
      for (let i = 0; i < RECORDS_MOST; i++) {
        const record = await reader.next()
        if (record === undefined) break
        told.push(`${record.offset}-${record.end} ${hashOf(record.bytes)}`)
      }
      return told.join()
    })
  const answers = [`${reader.sizeBytes}`, await records(), JSON.stringify(reader.verdict)]
  for (const { from, above, minBytes, seed } of probes) {
    reader.resume(from, seed)
    answers.push(await answer(() => reader.findMark(from, above)))
    answers.push(await answer(() => reader.findRecord(from, minBytes)))
    answers.push(await records(), JSON.stringify(reader.verdict))
  }
  await reader.close()
  return answers
}

export interface TableProbe {
  readonly keys: readonly Uint8Array[]
  readonly at: number
  /** Also merges the table, damage and all, into new ones. */
  readonly salvage: boolean
}

export async function tableAnswers(
  plane: DataPlane,
  storage: Storage,
  meta: TableMeta,
  { keys, at, salvage }: TableProbe,
): Promise<string[]> {
  const table = plane.openTable(meta)
  const view = plane.createView([[table]])
  const answers: string[] = []
  for (const [i, key] of keys.entries()) {
    answers.push(await answer(() => findNow(plane, view, key, at)))
    answers.push(await answer(() => findLater(plane, view, key, at)))
    if (i < 2) answers.push(await answer(() => table.offsetOf(key)))
  }
  answers.push(await scanAnswer(plane, view, at, false), await scanAnswer(plane, view, at, true))
  answers.push(await answer(() => table.verify()), await answer(() => table.properties()))
  if (salvage) answers.push(await answer(() => salvaged(plane, storage, table)))
  view.close()
  table.close()
  return answers
}

function findNow(plane: DataPlane, view: View, key: Uint8Array, at: number): string {
  const slab = new Uint8Array(1024)
  const length = plane.find(view, key, at, slab, 0, { wait: true, fillCache: true })
  if (length === ABSENT || length === COLD) return `${length} of ${view.found}`
  return `${length} of ${view.found}: ${hashOf(slab.subarray(0, length))}`
}

async function findLater(
  plane: DataPlane,
  view: View,
  key: Uint8Array,
  at: number,
): Promise<string> {
  const value = await plane.findCold(view, key, at, { wait: false, fillCache: false })
  return `${value && hashOf(value)} of ${view.found}`
}

/** What a scan gives before it ends or fails, and how it fails. */
export async function scanAnswer(
  plane: DataPlane,
  view: View,
  at: number,
  reverse: boolean,
): Promise<string> {
  const cursor = plane.scan(view, { reverse }, at)
  const told: string[] = []
  try {
    // One entry a page: how many entries come before an error is no accident then.
    for (;;) {
      const [read] = await readCursor(cursor, 1, 1, 400)
      if (read === undefined) break
      told.push(`${hashOf(read.key)}=${hashOf(read.value)}`)
    }
  } catch (error) {
    told.push(toldError(error))
  } finally {
    cursor.close()
  }
  return told.join(' ')
}

async function salvaged(plane: DataPlane, storage: Storage, source: Source): Promise<string> {
  const damage: MergeDamage[] = []
  const outputs = [900, 901, 902]
  const names = outputs.map((number) => tableName(number))
  const job = {
    inputs: [[source]],
    snapshots: [Number.MAX_SAFE_INTEGER],
    outputs,
    table: TINY_TABLES,
    maxTableBytes: 1000,
    deeper: [],
    grandparents: [],
    maxGrandparentBytes: Number.MAX_SAFE_INTEGER,
    onDamage: (told: MergeDamage) => void damage.push(told),
  }
  try {
    const metas = await plane.merge(job, NEVER)
    const files = []
    for (const { number } of metas) files.push(hashOf(await readAll(storage, tableName(number))))
    return JSON.stringify([metas, files, damage])
  } catch (error) {
    return `${toldError(error)} ${JSON.stringify(damage)}`
  } finally {
    for (const name of names) await storage.remove(name)
  }
}
