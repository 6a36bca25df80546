/**
 * TableRun: which one of a run's sorted, disjoint tables may hold a key.
 *
 * A binary search for the first table whose largest internal key is at or after the look-up, over
 * two words of each largest user key, taken behind the prefix that all keys of the run share.
 * Twin: native/view/run.h
 */
import { compareBytes, userKey } from '../format/key.js'
import { keyWord } from '../memtable/words.js'
import type { TypescriptTable } from '../table/reader.js'
import { compareInternalTo } from './lane.js'

export class TableRun {
  readonly #tables: readonly TypescriptTable[]
  /** Bytes that all user keys of the run begin with. */
  readonly #shared: Uint8Array
  /** Two words of each table's largest user key. */
  readonly #words: Int32Array

  /** At least one table. */
  constructor(tables: readonly TypescriptTable[]) {
    this.#tables = tables
    const first = userKey(tables[0]!.meta.smallest)
    const last = userKey(tables[tables.length - 1]!.meta.largest)
    let shared = 0
    while (shared < first.length && shared < last.length && first[shared] === last[shared]) shared++
    this.#shared = first.subarray(0, shared)
    this.#words = new Int32Array(2 * tables.length)
    for (const [i, { meta }] of tables.entries()) {
      const key = userKey(meta.largest)
      this.#words[2 * i] = keyWord(key, shared, key.length)
      this.#words[2 * i + 1] = keyWord(key, shared + 4, key.length)
    }
  }

  /** The only table that may hold the newest version of `key` with a trailer <= (high, low). */
  tableFor(key: Uint8Array, high: number, low: number): TypescriptTable | undefined {
    const shared = this.#shared
    // A key that does not begin like all keys of the run is in none of its tables.
    if (key.length < shared.length) return undefined
    for (let i = 0; i < shared.length; i++) if (key[i] !== shared[i]) return undefined
    const word0 = keyWord(key, shared.length, key.length)
    const word1 = keyWord(key, shared.length + 4, key.length)
    const tables = this.#tables
    const words = this.#words
    let from = 0
    let to = tables.length
    while (from < to) {
      const middle = (from + to) >>> 1
      let before = words[2 * middle]! < word0
      if (words[2 * middle] === word0) {
        before = words[2 * middle + 1]! < word1
        if (words[2 * middle + 1] === word1)
          before = compareInternalTo(tables[middle]!.meta.largest, key, high, low) < 0
      }
      if (before) from = middle + 1
      else to = middle
    }
    const table = tables[from]
    if (table === undefined) return undefined
    const first = userKey(table.meta.smallest)
    return compareBytes(first, 0, first.length, key, 0, key.length) > 0 ? undefined : table
  }
}
