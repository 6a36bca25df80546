/**
 * The serial schedule: the same operations write the same bytes, whole directories.
 */
import t from 'tap'
import { BatchWriter } from '../../lib/format/batch.js'
import type { Storage } from '../../lib/io/files.js'
import { Tree } from '../../lib/lsm/tree.js'
import { random } from '../support/random.js'
import { treeOptions } from '../support/tree.js'
import { eachPlane, freshStorage } from '../support/planes.js'

const OPTIONS = treeOptions({ serial: true, maxTableBytes: 8192 })

async function run(storage: Storage, seed: number): Promise<Map<string, string>> {
  const next = random(seed)
  for (let round = 0; round < 2; round++) {
    const tree = await Tree.open(storage, OPTIONS)
    for (let i = 0; i < 600; i++) {
      const key = `key${Math.floor(next() * 200)}`
      if (next() < 0.2) await tree.delete(key, next() < 0.1)
      else await tree.put(key, 'v'.repeat(Math.floor(next() * 100)), next() < 0.1)
      if (next() < 0.05) {
        const batch = new BatchWriter()
        for (let j = 0; j < 20; j++) batch.put(`key${Math.floor(next() * 200)}`, `batch${j}`)
        await tree.write(batch, false)
      }
    }
    if (round === 0) await tree.compactRange()
    await tree.close()
  }
  return content(storage)
}

async function content(storage: Storage): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const { name, kind } of await storage.list()) {
    if (kind === 'lock' || kind === 'log') continue
    const file = await storage.open(name)
    const bytes = Buffer.alloc(file.size())
    await file.read(bytes, 0)
    await file.close()
    files.set(name, bytes.toString('hex'))
  }
  return files
}

eachPlane(t, 'two runs of the same operations give the same files', async (t, plane) => {
  for (const seed of [1, 2, 3]) {
    const [first, second] = [
      await run(freshStorage(t, plane), seed),
      await run(freshStorage(t, plane), seed),
    ]
    t.same([...second.keys()].sort(), [...first.keys()].sort(), `names, seed ${seed}`)
    for (const [name, bytes] of first) t.equal(second.get(name) === bytes, true, `${name} is equal`)
    t.ok(
      [...first.keys()].some((name) => name.endsWith('.ldb')),
      'tables were written',
    )
  }
})
