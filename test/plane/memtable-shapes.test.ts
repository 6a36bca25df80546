/**
 * Memtables of thousands of keys whose shared beginnings differ from node to node: what a B+tree
 * that strips prefixes can get wrong shows only at depth two and beyond.
 */
import t from 'tap'
import { BatchWriter } from '../../lib/format/batch.js'
import { TypescriptMemtable } from '../../lib/memtable/memtable.js'
import { random } from '../support/random.js'
import { keyMaker } from '../support/shapes.js'

const SEEDS = process.env['CAIRN_CAMPAIGN'] === 'full' ? 400 : 40
const ENTRIES_MOST = 12_000

/** Applies random batches; gives the newest value of each key as well. */
function fill(seed: number): { memtable: TypescriptMemtable; newest: Map<string, string> } {
  const generator = random(seed)
  const next = (below: number): number => Math.floor(generator() * below)
  const makeKey = keyMaker(next)
  const entries = 500 + next(ENTRIES_MOST)
  const ascendingUntil = next(3) === 0 ? entries / 2 : 0
  const memtable = new TypescriptMemtable()
  const newest = new Map<string, string>()
  for (let sequence = 1; sequence < entries;) {
    const batch = new BatchWriter()
    const count = 1 + next(50)
    for (let i = 0; i < count; i++) {
      const ascending = sequence < ascendingUntil
      const key = ascending ? String(sequence).padStart(9, '0') : makeKey()
      newest.set(key, `value ${sequence + i}`)
      batch.put(key, `value ${sequence + i}`)
    }
    memtable.apply(batch.stamp(sequence), 0, count)
    sequence += count
  }
  return { memtable, newest }
}

function flawOf(memtable: TypescriptMemtable, newest: Map<string, string>): string | undefined {
  const keys = [...newest.keys()].map((key) => Buffer.from(key)).sort((a, b) => a.compare(b))
  const cursor = memtable.cursor()
  const keyNow = (): Buffer => Buffer.from(cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd))
  let seen = 0
  for (cursor.first(); cursor.valid; cursor.next()) {
    const key = keyNow()
    if (seen > 0 && keys[seen - 1]!.equals(key)) continue
    if (!keys[seen]?.equals(key)) return `wrong key at ${seen}`
    seen++
  }
  if (seen !== keys.length) return `${seen} of ${keys.length} keys`
  for (const key of keys) {
    cursor.seek(key, 0xffffffff, 0xffffffff)
    const found = cursor.valid
      ? Buffer.from(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd)).toString()
      : 'nothing'
    if (found !== newest.get(key.toString())) return `${JSON.stringify(key.toString())}: ${found}`
  }
  return undefined
}

t.test('every key is where it belongs, and is found', (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { memtable, newest } = fill(seed)
    const flaw = flawOf(memtable, newest)
    if (flaw !== undefined) t.fail(`seed ${seed}: ${flaw}`)
    memtable.close()
  }
  t.pass(`${SEEDS} seeds`)
  t.end()
})
