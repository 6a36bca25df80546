/**
 * What a key-value store makes of the files of journal and map stores: a directory that is one of
 * them is refused and stays as it is, a file that only has such a name is nobody's.
 */
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { destroy } from '../../lib/lsm/destroy.js'
import { repair } from '../../lib/lsm/repair.js'
import { Tree } from '../../lib/lsm/tree.js'
import { eachPlane, freshStorage } from '../support/planes.js'
import { treeOptions } from '../support/tree.js'

async function create(storage: Storage, names: readonly string[]): Promise<void> {
  for (const name of names) await (await storage.create(name)).close()
}

/** Names in order, but for those of locks. */
async function namesIn(storage: Storage): Promise<string[]> {
  const entries = await storage.list()
  return entries.flatMap(({ name, kind }) => (kind === 'lock' ? [] : [name])).sort()
}

eachPlane(t, 'a journal or map store is not opened, repaired or destroyed', async (t, plane) => {
  for (const more of [['CAIRN-SEAL', 'KEYS'], ['CURRENT', 'MANIFEST-000001'], []]) {
    const storage = freshStorage(t, plane)
    const names = ['00000001.journal', 'CAIRN-STORE', ...more].sort()
    await storage.createDirectory()
    await create(storage, names)
    const refusal = { code: 'CAIRN_FORMAT_VERSION', file: 'CAIRN-STORE' }
    await t.rejects(Tree.open(storage, treeOptions()), refusal)
    await t.rejects(repair(storage, treeOptions()), refusal)
    await t.rejects(destroy(storage), refusal)
    t.same(await namesIn(storage), names)
  }
})

eachPlane(t, 'files that only have such names are left alone', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const names = ['00000099.journal', '00000099.snapshot.new', 'CAIRN-STORE.new', 'KEYS']
  const tree = await Tree.open(storage, treeOptions())
  await tree.put('key', 'value', true)
  await create(storage, names)
  await tree.close()
  const again = await Tree.open(storage, treeOptions())
  t.equal(await again.get('key', { encoding: 'utf8' }), 'value')
  await again.close()
  const numbers = (await storage.list('table')).map(({ number }) => number)
  t.ok(numbers.length > 0 && Math.max(...numbers) < 99, 'and their numbers are not ours')
  await destroy(storage)
  t.same(await namesIn(storage), names)
})

eachPlane(t, 'one of them alone is a foreign file', async (t, plane) => {
  for (const name of ['00000001.journal', 'KEYS.new']) {
    const storage = freshStorage(t, plane)
    await storage.createDirectory()
    await create(storage, [name])
    await t.rejects(Tree.open(storage, treeOptions()), {
      code: 'CAIRN_FORMAT_VERSION',
      file: name,
    })
    t.same(await namesIn(storage), [name])
  }
})
