/**
 * Both planes write the same bytes: with a fixed clock, a fixed random source and the serial
 * schedule two directories are the same, file for file, and each plane opens the other's.
 */
import t from 'tap'
import { createHash } from 'node:crypto'
import { diskStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import type { DurableJournal } from '../../lib/durable/journal.js'
import type { JournalOptions } from '../../lib/stores/journal/index.js'
import { campaign, below } from '../support/campaign.js'
import { readAll } from '../support/level.js'
import { PLANES, withEnvironment } from '../support/planes.js'
import { fixedWorld, openEngine, openStore, recordsOf, type Found } from '../support/journal.js'
import { random } from '../support/random.js'
import { scratch } from '../support/scratch.js'

function append(engine: DurableJournal, bytes: Uint8Array): Promise<void> {
  const reserved = engine.reserve(bytes.length)
  reserved.bytes.set(bytes, reserved.at)
  return reserved.settled
}

/** What a seed does to a journal: appends of all sizes, batches, syncs, rotations, reopenings. */
async function run(storage: Storage, seed: number, options: JournalOptions): Promise<void> {
  const next = random(seed)
  const world = fixedWorld(seed)
  for (let round = 0; round < 3; round++) {
    const { home, engine } = await openEngine(storage, options, world)
    for (let step = 0; step < 30; step++) {
      const choice = below(next, 10)
      if (choice < 6) {
        const length = below(next, 100) < 3 ? below(next, 2 ** 20) : below(next, 300)
        await append(engine, Buffer.alloc(length, `${seed} ${step}`))
      } else if (choice === 6) {
        const sizes = Array.from({ length: 1 + below(next, 300) }, () => below(next, 50))
        engine.together(
          sizes.length,
          sizes.reduce((sum, size) => sum + size, 0),
        )
        await Promise.all(sizes.map((size) => append(engine, Buffer.alloc(size, 'batch'))))
      } else if (choice === 7) {
        await engine.sync()
      } else if (choice === 8) {
        await engine.rotate()
      } else {
        await engine.trim(1 + below(next, engine.lastSequence + 1))
      }
    }
    await engine.close()
    await home.close()
  }
}

async function hashes(storage: Storage): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { name, kind } of await storage.list()) {
    if (kind === 'lock' || kind === 'log') continue
    const hash = createHash('sha256').update(await readAll(storage, name))
    found[name] = hash.digest('hex')
  }
  return found
}

t.test('the planes write the same files', async (t) => {
  if (PLANES.length < 2) return t.comment('there is one plane only')
  await campaign(t, 60, async (seed) => {
    const options: JournalOptions = {
      sync: (['always', 'interval', 'never'] as const)[seed % 3],
      syncIntervalMs: 2 ** 30,
      segmentBytes: 4096 << (seed % 5),
      batchRecords: 1 + (seed % 40),
      // Keys are sealed with randomness of the seed, so that even encrypted files are the same.
      ...(seed % 2 === 0 && { key: Buffer.alloc(32, 'k'), cipher: 'aes-256-gcm' as const }),
    }
    const directory = scratch(t)
    const written = []
    for (const plane of PLANES) {
      const storage = diskStorage(`${directory}/${plane}`)
      await withEnvironment('CAIRN_PLANE', plane, () => run(storage, seed, options))
      written.push(await hashes(storage))
    }
    t.same(written[0], written[1], `seed ${seed}`)
    const read: Found[][] = []
    for (const [i, plane] of PLANES.entries()) {
      const other = diskStorage(`${directory}/${PLANES[1 - i]}`)
      await withEnvironment('CAIRN_PLANE', plane, async () => {
        const journal = await openStore(other, { ...options, readOnly: true })
        read.push(await recordsOf(journal))
        await journal.close()
      })
    }
    t.same(read[0], read[1])
    return `${Object.keys(written[0]!).length} files`
  })
})
