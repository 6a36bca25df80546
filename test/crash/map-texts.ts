/**
 * A map of texts as the campaigns see it: its rows, and how they differ from what must be found.
 */
import assert from 'node:assert/strict'
import type { Storage } from '../../lib/io/files.js'
import { DurableMap, type MapOptions } from '../../lib/stores/map/index.js'
import type { Call } from './calls.js'

export type Texts = DurableMap<string, string>

export interface Cell {
  readonly value: string
  /** The call that wrote it, and which of its records. */
  readonly call: Call
  readonly offset: number
}

export type State = ReadonlyMap<string, Cell>

export type Row = [key: string, value: string, version: number]

export function openTexts(storage: Storage, options: MapOptions): Promise<Texts> {
  const all = { infoLog: false, ...options, valueEncoding: 'utf8' as const, storage }
  return DurableMap.open<string, string>(storage.location, all)
}

export function rowsOf(map: Texts): Row[] {
  const rows = [...map.entries()].map(([key, value]): Row => [key, value, map.version(key)])
  assert.equal(rows.length, map.size, 'the size is what there is')
  return rows.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What a map holds, as one text that is equal for equal maps. */
export function textOf(map: Texts): string {
  return JSON.stringify(rowsOf(map))
}

/** 0 for an absent key; undefined while nobody knows. */
export function versionOf(cell: Cell | undefined): number {
  return cell === undefined ? 0 : cell.call.first! + cell.offset
}

export function isSame(found: readonly Row[], state: State): boolean {
  if (found.length !== state.size) return false
  return found.every(([key, value, version]) => {
    const cell = state.get(key)
    if (cell?.value !== value) return false
    return cell.call.first === undefined || versionOf(cell) === version
  })
}

export function difference(found: readonly Row[], state: State): string {
  const said: string[] = []
  for (const [key, value, version] of found) {
    const cell = state.get(key)
    if (cell === undefined) said.push(`invented ${key}`)
    else if (cell.value !== value) said.push(`${key} is ${value.slice(0, 20)}`)
    else if (versionOf(cell) !== version) said.push(`${key} has version ${version}`)
  }
  const keys = new Set(found.map(([key]) => key))
  for (const key of state.keys()) if (!keys.has(key)) said.push(`missing ${key}`)
  return `found ${found.length}, expected ${state.size}: ${said.slice(0, 8).join(', ')}`
}
