/**
 * Both planes write the same map: with a fixed clock and random source, one operation at a time,
 * compactions and snapshots included, every file is the same byte for byte.
 */
import assert from 'node:assert/strict'
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { openMap } from '../../lib/stores/map/open.js'
import { readMapSettings } from '../../lib/stores/map/options.js'
import { LIMIT_MS, below, campaign, pick } from '../support/campaign.js'
import { fixedWorld } from '../support/journal.js'
import { bytesOf } from '../support/level.js'
import { PLANES, freshStorage, type PlaneName } from '../support/planes.js'
import { random } from '../support/random.js'

t.setTimeout(LIMIT_MS)

const KEY = new Uint8Array(32).fill(3)

async function write(plane: PlaneName, storage: Storage, seed: number): Promise<void> {
  const next = random(seed)
  const isEncrypted = next() < 0.5
  const settings = readMapSettings({
    ...{ plane, storage, infoLog: false, snapshotEveryMs: 0, segmentBytes: 4096 },
    ...{ compactThreshold: 50, shards: 2, keepSnapshots: 2, keepSnapshotsMs: 0 },
    sync: pick(next, ['always', 'interval', 'never']),
    ...(isEncrypted && { key: KEY, cipher: 'aes-256-gcm' }),
  })
  const world = fixedWorld(seed)
  for (let opening = 0; opening < 3; opening++) {
    const { home, engine } = await openMap(storage, settings, world)
    for (let step = 0; step < 120; step++) {
      const key = `key${below(next, 30)}`
      const dice = next()
      if (dice < 0.6) await engine.set(key, `${step}`.repeat(below(next, 40)))
      else if (dice < 0.8) await engine.delete(key)
      else if (dice < 0.9)
        await engine.batch([
          { key, value: 'batch' },
          { key: 'other', value: next() < 0.5 ? undefined : 'x' },
        ])
      else if (dice < 0.92) await engine.clear()
      else if (dice < 0.96) await engine.snapshot(next() < 0.5)
      else await engine.compact()
    }
    await engine.close()
    await home.close()
  }
}

t.test('bytes are those of the other plane', async (t) => {
  await campaign(t, 30, async (seed) => {
    const found: Record<string, string>[] = []
    for (const plane of PLANES) {
      const storage = freshStorage(t, plane)
      await write(plane, storage, seed)
      found.push({
        ...(await bytesOf(storage)),
        ...(await bytesOf(storage, 'wal')),
        ...(await bytesOf(storage, 'snapshots')),
      })
    }
    const [first, ...others] = found
    assert.ok(Object.keys(first!).some((name) => name.startsWith('snapshots/')))
    for (const other of others) assert.deepEqual(other, first)
    return `${Object.keys(first!).length} files`
  })
})
