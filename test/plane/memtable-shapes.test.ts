/**
 * Memtables of thousands of keys whose shared beginnings differ from node to node: what a B+tree
 * that strips prefixes can get wrong shows only at depth two and beyond.
 */
import t from 'tap'
import { BatchWriter } from '../../lib/format/batch.js'
import { ABSENT } from '../../lib/plane.js'
import type { DataPlane, Memtable } from '../../lib/plane.js'
import { random } from '../support/random.js'
import { keyMaker } from '../support/shapes.js'
import { readCursor } from '../support/entries.js'
import { eachPlane, makePlane } from '../support/planes.js'

const SEEDS = process.env['CAIRN_CAMPAIGN'] === 'full' ? 400 : 40
const ENTRIES_MOST = 12_000

/** Applies random batches; gives the newest value of each key as well. */
function fill(plane: DataPlane, seed: number): { memtable: Memtable; newest: Map<string, string> } {
  const generator = random(seed)
  const next = (below: number): number => Math.floor(generator() * below)
  const makeKey = keyMaker(next)
  const entries = 500 + next(ENTRIES_MOST)
  const ascendingUntil = next(3) === 0 ? entries / 2 : 0
  const memtable = plane.createMemtable()
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

async function flawOf(
  plane: DataPlane,
  memtable: Memtable,
  newest: Map<string, string>,
): Promise<string | undefined> {
  const keys = [...newest.keys()].map((key) => Buffer.from(key)).sort((a, b) => a.compare(b))
  const view = plane.createView([[memtable]])
  for (const reverse of [false, true]) {
    const read = await readCursor(plane.scan(view, { reverse }, 1e9), Infinity, 500, 1 << 16)
    if (reverse) read.reverse()
    const wrong = read.findIndex(
      ({ key, value }, i) => !keys[i]?.equals(key) || value.toString() !== newest.get(String(key)),
    )
    if (wrong >= 0) return `wrong entry at ${wrong}, ${reverse ? 'backward' : 'forward'}`
    if (read.length !== keys.length) return `${read.length} of ${keys.length} keys`
  }
  const slab = Buffer.alloc(100)
  for (const key of keys) {
    const length = plane.find(view, key, 1e9, slab, 0, { wait: false, fillCache: false })
    const found = length === ABSENT ? 'nothing' : slab.toString('utf8', 0, length)
    if (found !== newest.get(key.toString())) return `${JSON.stringify(key.toString())}: ${found}`
  }
  view.close()
  return undefined
}

eachPlane(t, 'every key is where it belongs, and is found', async (t, name) => {
  const { plane } = await makePlane(t, name)
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { memtable, newest } = fill(plane, seed)
    const flaw = await flawOf(plane, memtable, newest)
    if (flaw !== undefined) t.fail(`seed ${seed}: ${flaw}`)
    memtable.close()
  }
  t.pass(`${SEEDS} seeds`)
})
