/** The slab: no two blocks overlap, sizes are kept, freed memory serves again and comes back. */
import t from 'tap'
import { SLAB_UNIT_BITS, SLAB_UNIT_MASK, Slab } from '../../lib/durable/entries/slab.js'
import { LIMIT_MS, below, campaign } from '../support/campaign.js'
import { random } from '../support/random.js'

t.setTimeout(LIMIT_MS)

const MIB = 1024 * 1024

/** The bytes of a block. */
function bytesOf(slab: Slab, block: number, length: number): Buffer {
  const start = (block & SLAB_UNIT_MASK) * 8
  return slab.memories[block >>> SLAB_UNIT_BITS]!.bytes.subarray(start, start + length)
}

function randomLength(next: () => number): number {
  // A large one now and then, which has a chunk of its own.
  return 1 + below(next, next() < 0.01 ? 2 ** 18 : 2 ** (4 + below(next, 10)))
}

t.test('blocks keep what is written to them', async (t) => {
  await campaign(t, 100, async (seed) => {
    const next = random(seed)
    const slab = new Slab()
    const held: { block: number; length: number; fill: number }[] = []
    for (let step = 0; step < 2000; step++) {
      if (next() < 0.55 || held.length === 0) {
        const length = randomLength(next)
        const block = slab.allocate(length)
        const fill = below(next, 256)
        bytesOf(slab, block, length).fill(fill)
        if (bytesOf(slab, block, length).length !== length) throw new Error('a short block')
        held.push({ block, length, fill })
      } else {
        const [gone] = held.splice(below(next, held.length), 1)
        const bytes = bytesOf(slab, gone!.block, gone!.length)
        if (!bytes.every((byte) => byte === gone!.fill))
          throw new Error(`step ${step}: overwritten`)
        slab.free(gone!.block)
      }
    }
    for (const { block, length, fill } of held)
      if (!bytesOf(slab, block, length).every((byte) => byte === fill))
        throw new Error('overwritten')
    t.equal(new Set(held.map(({ block }) => block)).size, held.length, 'no block twice')
    t.notOk(
      held.some(({ block }) => block === 0),
      'none is 0',
    )
    for (const { block } of held) slab.free(block)
    t.ok(slab.memoryBytes < 40 * MIB, `${slab.memoryBytes} bytes are left`)
  })
})

t.test('a block takes a sixteenth more than it needs, at most', (t) => {
  for (let length = 257; length < 100_000; length = Math.ceil(length * 1.41)) {
    const slab = new Slab()
    const count = Math.ceil((16 * MIB) / length)
    for (let i = 0; i < count; i++) slab.allocate(length)
    // The last chunk is in use in part, and ends of chunks are too short for a block.
    const overhead = (slab.memoryBytes - MIB) / (count * length)
    if (overhead > 17 / 16 + length / MIB) t.fail(`${length} bytes take ${overhead}`)
  }
  t.end()
})

t.test('memory comes back', (t) => {
  const slab = new Slab()
  const blocks = Array.from({ length: 400_000 }, () => slab.allocate(150))
  t.ok(slab.memoryBytes > 60_000_000 && slab.memoryBytes < 62_500_000, `${slab.memoryBytes}`)
  for (const block of blocks.slice(100_000)) slab.free(block)
  t.ok(slab.memoryBytes < 20_000_000, `${slab.memoryBytes} with a quarter`)
  for (let i = 0; i < 300_000; i++) slab.allocate(150)
  t.ok(slab.memoryBytes < 62_500_000, `${slab.memoryBytes} with all again`)
  const held = slab.memoryBytes
  const large = slab.allocate(50 * MIB)
  t.equal(slab.memoryBytes, held + 50 * MIB)
  slab.free(large)
  t.equal(slab.memoryBytes, held, 'a large block goes at once')
  t.end()
})
