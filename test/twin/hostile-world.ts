/**
 * What a hostile scenario stands on: a plane, its directory, and makers of small sound handles.
 */
import { BatchWriter } from '../../lib/format/batch.js'
import type { TableMeta } from '../../lib/format/edit.js'
import type { Storage } from '../../lib/io/files.js'
import { ABSENT, COLD } from '../../lib/plane.js'
import type { DataPlane, Memtable, MergeJob, Page, Run, View } from '../../lib/plane.js'
import { TINY_TABLES, writeTable } from '../support/entries.js'

export interface World {
  readonly plane: DataPlane
  /** One more plane of the same kind on the same directory. */
  another(): DataPlane
  /** A plane of the other kind, where both can be had. */
  foreign(): DataPlane | undefined
  readonly storage: Storage
  readonly directory: string
}

export interface Scenario {
  readonly name: string
  /** The outcome, or the error that it ends with, must match. */
  readonly expected: RegExp
  run(world: World): unknown
  /** The planes that it is for; both by default. */
  readonly planes?: readonly DataPlane['name'][]
}

/** An error of one of our kinds: nothing that tells of an accident inside. */
export const TYPED = /^(StoreError CAIRN_|TypeError |RangeError |FormatError )/
/** Any outcome but a hang or an accident: what matters is that the process lives. */
export const ALIVE = /^(?!hangs)/

export const NEVER: AbortSignal = new AbortController().signal
export const HOW = { wait: true, fillCache: true }
export const ENTRIES = 60

export function keyOf(i: number): Buffer {
  return Buffer.from(`key${1000 + i}`)
}

export function valueOf(i: number): string {
  return `value ${i} `.repeat(8)
}

/** Puts of keys 0 to ENTRIES - 1, with sequences from 1. */
export function makeBatch(): Uint8Array {
  const batch = new BatchWriter()
  for (let i = 0; i < ENTRIES; i++) batch.put(keyOf(i), valueOf(i))
  return Uint8Array.prototype.slice.call(batch.stamp(1))
}

export function makeMemtable(plane: DataPlane): Memtable {
  const memtable = plane.createMemtable()
  memtable.apply(makeBatch(), 0, Infinity)
  return memtable
}

export function makeView(plane: DataPlane): View {
  return plane.createView([[makeMemtable(plane)]])
}

/** A table of the same entries; its meta tells no properties. */
export async function makeTableFile(storage: Storage, number = 5): Promise<TableMeta> {
  const versions = Array.from({ length: ENTRIES }, (_, i) => ({
    key: keyOf(i),
    sequence: i + 1,
    type: 1,
    value: Buffer.from(valueOf(i)),
  }))
  const { properties: _, ...meta } = await writeTable(storage, number, versions)
  return meta
}

export function newPage(bytes = 1000, entries = 10): Page {
  return { bytes: new Uint8Array(bytes), ends: new Uint32Array(2 * entries) }
}

/** The value of a key as text, or what find said. */
export function read(plane: DataPlane, view: View, key: Uint8Array): string {
  const slab = Buffer.alloc(200)
  const length = plane.find(view, key, 1e6, slab, 0, HOW)
  return length === ABSENT || length === COLD ? String(length) : slab.toString('utf8', 0, length)
}

/** Every record of a journal, as hex or as its length when it is long. */
export async function recordsOf(plane: DataPlane, name: string): Promise<string> {
  const reader = await plane.openJournal(name)
  const told: string[] = []
  for (let record = await reader.next(); record; record = await reader.next())
    told.push(
      record.bytes.length > 20
        ? `${record.bytes.length} bytes of ${[...new Set(record.bytes)].join()}`
        : Buffer.from(record.bytes).toString('hex'),
    )
  const verdict = reader.verdict?.kind
  await reader.close()
  return `${verdict}: ${told.join(' ')}`
}

export function jobOf(inputs: readonly Run[], changes: Partial<MergeJob> = {}): MergeJob {
  return {
    inputs,
    snapshots: [1e6],
    outputs: [100, 101, 102],
    table: TINY_TABLES,
    maxTableBytes: 1000,
    deeper: [],
    grandparents: [],
    maxGrandparentBytes: 1e9,
    ...changes,
  }
}

/** Runs every call and tells each outcome by its code or class; for lists of bad arguments. */
export async function each(calls: readonly (() => unknown)[]): Promise<string> {
  const told: string[] = []
  for (const call of calls) {
    try {
      await call()
      told.push('fine')
    } catch (error) {
      const { name, code } = error as { name?: string; code?: string }
      told.push(code ?? name ?? 'threw')
    }
  }
  return told.join(' ')
}
