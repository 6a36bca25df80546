/** The table of keys: shards and their directory against a sorted list of hashes. */
import t from 'tap'
import { Directory } from '../../lib/durable/entries/directory.js'
import { Shard } from '../../lib/durable/entries/shard.js'
import { LIMIT_MS, campaign, below, pick } from '../support/campaign.js'
import { random } from '../support/random.js'

t.setTimeout(LIMIT_MS)

type Slot = [hash: number, entry: number]

const byOrder = ([a, x]: Slot, [b, y]: Slot): number => a - b || x - y

function slotsOf(shard: Shard): Slot[] {
  const found: Slot[] = []
  for (let at = 0; at < shard.slots.length; at += 2)
    if (shard.slots[at + 1] !== 0) found.push([shard.slots[at]!, shard.slots[at + 1]!])
  return found
}

/** What makes a search right: see the head of lib/durable/entries/shard.ts. */
function broken(shard: Shard): string | undefined {
  const { slots } = shard
  for (let at = 0; at < slots.length; at += 2) {
    if (slots[at + 1] === 0) continue
    for (let from = shard.home(slots[at]!); from < at; from += 2)
      if (slots[from + 1] === 0) return `a gap at ${from} before the slot at ${at}`
    if (shard.home(slots[at]!) > at) return `the slot at ${at} is before its home`
    if (at > 0 && slots[at - 1] !== 0 && slots[at - 2]! > slots[at]!)
      return `the slot at ${at} is out of order`
  }
  return slots.at(-1) === 0 ? undefined : 'the last slot is taken'
}

/** Hashes that fall together more than they should. */
function randomHash(next: () => number): number {
  const hash = (next() * 2 ** 32) | 0
  return pick(next, [hash, hash, hash & 0xf000000f, hash | 0x7fffff00, -1, 0x7fffffff])
}

t.test('a shard holds its hashes in order, through growth, removal and split', async (t) => {
  await campaign(t, 300, async (seed) => {
    const next = random(seed)
    const depth = below(next, 4)
    const prefix = depth === 0 ? 0 : randomHash(next) & (-1 << (32 - depth))
    const shard = new Shard(depth)
    let model: Slot[] = []
    const steps = 20 + below(next, 600)
    for (let entry = 1; entry <= steps; entry++) {
      if (next() < 0.7 || model.length === 0) {
        const rest = depth === 0 ? randomHash(next) : randomHash(next) & ~(-1 << (32 - depth))
        while (!shard.hasRoom) shard.grow()
        shard.insert(shard.behind(prefix | rest), prefix | rest, entry)
        model.push([prefix | rest, entry])
      } else {
        const gone = pick(next, model)
        shard.remove(shard.slotOf(gone[0], gone[1]))
        model = model.filter((slot) => slot !== gone)
      }
      const wrong = entry % 8 === 0 ? broken(shard) : undefined
      if (wrong !== undefined) throw new Error(`step ${entry}: ${wrong}`)
    }
    const sorted = model.toSorted(byOrder)
    t.strictSame(slotsOf(shard).sort(byOrder), sorted)
    t.equal(shard.count, sorted.length)
    const odd = (entry: number): boolean => entry % 2 === 1
    shard.live = sorted.filter(([, entry]) => !odd(entry)).length
    const halves = shard.split(odd)
    t.strictSame(halves.flatMap(slotsOf).sort(byOrder), sorted)
    for (const half of halves) {
      t.equal(broken(half), undefined)
      t.equal(half.count, slotsOf(half).length)
      t.equal(half.live, slotsOf(half).filter(([, entry]) => !odd(entry)).length)
    }
    return `${steps} steps, ${sorted.length} slots`
  })
})

t.test('a directory leads each hash to its shard, once', (t) => {
  const next = random(5)
  const directory = new Directory(3)
  t.equal(directory.count, 4, 'rounded up to a power of two')
  const isDeleted = (): boolean => false
  // Half of all hashes begin with three zeros, so that one part is split deeper than the others.
  const hashes = Array.from({ length: 300_000 }, (_, i) => {
    const hash = (next() * 2 ** 32) | 0
    return i % 2 === 0 ? hash : (hash & 0x1fffffff) ^ 0x80000000
  })
  hashes.forEach((hash, i) => {
    const shard = directory.roomy(hash, isDeleted)
    shard.insert(shard.behind(hash), hash, i + 1)
  })
  const shards = directory.shards()
  t.equal(shards.length, directory.count)
  t.ok(new Set(shards.map(({ depth }) => depth)).size > 2, 'of several depths')
  t.ok(shards.every(({ count }) => count <= 65_536))
  const held = shards.flatMap(slotsOf)
  const sorted = hashes.toSorted((a, b) => a - b)
  t.ok(
    held.length === sorted.length && held.every(([hash], i) => hash === sorted[i]),
    'the order of the shards is that of the hashes',
  )
  t.ok(held.every(([hash, entry]) => hashes[entry - 1] === hash))
  const walked: Shard[] = []
  for (
    let hash: number | undefined = -0x80000000;
    hash !== undefined;
    hash = directory.behind(hash)
  )
    walked.push(directory.of(hash))
  t.ok(walked.length === shards.length && walked.every((shard, i) => shard === shards[i]))
  t.end()
})
