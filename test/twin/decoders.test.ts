/**
 * Mutated inputs for every decoder: both planes give the same answer, or the same error.
 *
 * 100,000 inputs for each in full, a tenth by default; of tables, which are opened, searched,
 * walked, verified and salvaged, fewer by default. CAIRN_SEED=n repeats the block of inputs n.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import type { Test } from 'tap'
import { internalKey } from '../../lib/format/key.js'
import { tableName } from '../../lib/format/names.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { FilterBlockWriter } from '../../lib/table/filter.js'
import { snappy, snappyRoom } from '../../lib/table/snappy.js'
import type { DataPlane } from '../../lib/plane.js'
import { campaign, isFull } from '../support/campaign.js'
import { freshDirectory, putFile } from '../support/planes.js'
import { random } from '../support/random.js'
import { one } from '../support/shapes.js'
import type { Next } from '../support/shapes.js'
import { answer, journalAnswers, scanAnswer, tableAnswers } from './answers.js'
import { mutated } from './mutate.js'
import { TWINS, selectFor } from './sides.js'
import {
  SEED,
  makeBatch,
  makeBlock,
  makeElements,
  makeFragments,
  makeJournal,
  makeTable,
  mutatedTable,
  tableAround,
  tableWithFilter,
} from './specimens.js'

/** Inputs of one seed; a failing seed is repeated as a whole. */
const INPUTS = 200
const BLOCKS = 500
const TABLE_BLOCKS = isFull ? BLOCKS : 150

const storage = freshDirectory(t)
await storage.createDirectory()
const options = { storage, cacheBytes: 1 << 16, maxOpenTables: 10 }
const planes = TWINS.map((side) => selectFor(side, options).plane)
t.teardown(() => Promise.all(planes.map((plane) => plane.close())))

type Ask = (plane: DataPlane) => Promise<readonly string[]>

/** Runs a decoder on mutated inputs; `prepare` makes one and gives the questions about it. */
function decoder(
  name: string,
  blocks: number,
  prepare: (next: Next, seed: number) => Promise<(input: number) => Ask> | ((input: number) => Ask),
): void {
  void t.test(`${name}: ${TWINS.map((side) => side.name).join(' | ')}`, async (t: Test) => {
    await campaign(t, blocks, async (seed) => {
      const generator = random(seed)
      const next: Next = (below) => Math.floor(generator() * below)
      const make = await prepare(next, seed)
      for (let input = 0; input < INPUTS; input++) {
        const ask = make(input)
        const [expected, found] = [await ask(planes[0]!), await ask(planes[1]!)]
        assert.deepEqual(found, expected, `input ${input}`)
      }
    })
  })
}

decoder('journal', BLOCKS, (next) => {
  let specimen = makeJournal(next)
  return (input) => {
    if (input % 20 === 0) specimen = makeJournal(next)
    const bytes = next(3) === 0 ? makeFragments(next) : mutated(specimen, next)
    putFile(storage, '000001.log', next(8) === 0 ? mutated(bytes, next) : bytes)
    const probes = Array.from({ length: 2 }, () => ({
      from: next(bytes.length + 10),
      above: next(2) * next(200),
      minBytes: one(next, [0, 12, 100]),
      seed: one(next, [undefined, 0, SEED, SEED]),
    }))
    return (plane) => journalAnswers(plane, '000001.log', probes)
  }
})

decoder('batch', BLOCKS, (next) => () => {
  const good = makeBatch(next, 1)
  const batch = mutated(makeBatch(next), next)
  const parts = [0, 1, next(20), Infinity]
  return async (plane) => {
    const memtable = plane.createMemtable()
    memtable.apply(good, 0, Infinity)
    const answers: string[] = []
    let from = 0
    for (const limit of parts) {
      answers.push(await answer(() => (from = memtable.apply(batch, from, limit))))
      answers.push(`${memtable.entries} ${memtable.bytes}`)
    }
    const view = plane.createView([[memtable]])
    for (const reverse of [false, true])
      answers.push(await scanAnswer(plane, view, Number.MAX_SAFE_INTEGER, reverse))
    view.close()
    memtable.close()
    return answers
  }
})

decoder('table', TABLE_BLOCKS, async (next, seed) => {
  const number = 1 + (seed % 800)
  const specimens = [await makeTable(next, number), await makeTable(next, number)]
  return () => {
    const specimen = one(next, specimens)
    const bytes = mutatedTable(specimen, next)
    putFile(storage, tableName(number), bytes)
    const { properties, ...meta } = specimen.meta
    const sizeBytes = next(8) === 0 ? meta.sizeBytes : bytes.length
    const keys = [one(next, specimen.keys), one(next, specimen.keys), Buffer.of(next(256))]
    const probe = { keys, at: one(next, [5, 1000]), salvage: next(8) === 0 }
    const told = next(2) === 0 && properties ? { properties } : {}
    return (plane) => tableAnswers(plane, storage, { ...meta, ...told, sizeBytes }, probe)
  }
})

const RANGE = {
  smallest: internalKey(new Uint8Array(0), 1, 1),
  largest: internalKey(new Uint8Array(30).fill(0xff), 1, 1),
}

/** Questions about a table that is sound but for the block that was mutated. */
function ofTable(bytes: Uint8Array, keys: readonly Uint8Array[]): Ask {
  const meta: TableMeta = { number: 850, sizeBytes: bytes.length, ...RANGE }
  putFile(storage, tableName(850), bytes)
  return (plane) => tableAnswers(plane, storage, meta, { keys, at: 2000, salvage: false })
}

decoder('snappy', TABLE_BLOCKS, (next) => () => {
  const block = makeBlock(next)
  const room = new Uint8Array(snappyRoom(block.length))
  const compressed = room.subarray(0, snappy(block, room))
  const input = next(4) === 0 ? makeElements(next) : compressed
  const bytes = tableAround(next(10) === 0 ? input : mutated(input, next))
  return ofTable(bytes, [Buffer.from(`key${1000 + next(30)}`)])
})

decoder('filter', TABLE_BLOCKS, (next) => () => {
  const key = Buffer.from(`key${next(100)}`)
  const writer = new FilterBlockWriter(one(next, [1, 10, 30]))
  for (let other = 0; other < next(4); other++) writer.addKey(Buffer.from(`o${other}`), 0, 2)
  writer.addKey(key, 0, key.length)
  writer.startBlock(next(5000))
  const bytes = tableWithFilter(key, mutated(writer.finish(), next))
  return ofTable(bytes, [key, Buffer.from(`key${next(100)}`), Buffer.from('zebra')])
})
