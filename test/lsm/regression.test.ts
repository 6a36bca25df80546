/**
 * What once went wrong in the tree, one test for each: closing, leaks, names, stale seals.
 */
import t from 'tap'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { StoreError } from '../../lib/errors.js'
import { diskStorage, memoryStorage } from '../../lib/io/index.js'
import type { Storage, StorageFile } from '../../lib/io/files.js'
import { Tree } from '../../lib/lsm/tree.js'
import { faultyStorage } from '../support/faulty.js'
import type { FaultyOperation } from '../support/faulty.js'
import { currentJournal, overwrite, readAll } from '../support/level.js'
import { treeOptions } from '../support/tree.js'
import { eachPlane, freshStorage, imageOf, laidDown } from '../support/planes.js'
import { quickScratch } from '../support/scratch.js'

const VALUE = 'v'.repeat(100)

/** `object` with some methods replaced. */
function replaced<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      const found: unknown = Reflect.get(name in methods ? methods : target, name)
      return typeof found === 'function' ? (found.bind(target) as unknown) : found
    },
  })
}

async function hasSeal(storage: Storage): Promise<boolean> {
  return (await storage.list('seal')).length === 1
}

eachPlane(t, 'closing ends although a writer never stops', async (t, plane) => {
  const tree = await Tree.open(freshStorage(t, plane), treeOptions({ writeBufferBytes: 1 << 20 }))
  let closed = false
  const writer = (async () => {
    while (!closed) await tree.put('key', VALUE, false)
  })()
  writer.catch(() => {})
  await turn()
  const closing = tree.close().then(() => (closed = true))
  await t.rejects(writer, { code: 'CAIRN_NOT_OPEN' }, 'the writer is refused')
  await closing
})

eachPlane(
  t,
  'closing flushes what was rotated while the flush before it ended',
  async (t, plane) => {
    // The removal of the first journal is slow: its table is installed, its flush is not over.
    const storage = freshStorage(t, plane)
    let removing = (): void => {}
    const begun = new Promise<void>((resolve) => (removing = resolve))
    const slow = replaced(storage, {
      async remove(name) {
        if (name.endsWith('.log')) {
          removing()
          await delay(20)
        }
        await storage.remove(name)
      },
    })
    const tree = await Tree.open(slow, treeOptions())
    for (let i = 0; i < 45; i++) await tree.put(`key${i}`, VALUE, false)
    await begun
    const flushed = tree.flush()
    await turn()
    await tree.close()
    await flushed
    t.ok(await hasSeal(storage), 'the close was clean')
    const again = await Tree.open(storage, treeOptions())
    t.equal(again.recovered.records, 0, 'everything was in tables')
    await again.close()
  },
)

t.test('a store that was destroyed around its seal can be created anew, power lost', async (t) => {
  const before = memoryStorage()
  const first = await Tree.open(before, treeOptions())
  await first.put('key', VALUE, true)
  await first.close()
  const [seal] = await before.list('seal')
  const storage = memoryStorage()
  await storage.createDirectory()
  await overwrite(storage, seal!.name, await readAll(before, seal!.name))
  const clones = [storage.crashClone(0)]
  storage.onOperation = () => {
    clones.push(storage.crashClone(0), storage.crashClone(1))
  }
  const tree = await Tree.open(storage, treeOptions())
  await tree.put('other', VALUE, true)
  clones.push(storage.crashClone(0))
  storage.onOperation = undefined
  await tree.close()
  for (const clone of clones) await (await Tree.open(clone, treeOptions())).close()
  t.ok(clones.length > 10, `${clones.length} crash points open`)
})

eachPlane(t, 'a file number that can not be counted on from is refused', async (t, plane) => {
  const storage = freshStorage(t, plane)
  await (await Tree.open(storage, treeOptions())).close()
  for (const name of ['9007199254740991.ldb', 'MANIFEST-9007199254740700']) {
    await overwrite(storage, name, new Uint8Array(0))
    const message = new RegExp(name)
    await t.rejects(Tree.open(storage, treeOptions()), { code: 'CAIRN_CORRUPTION', message })
    await storage.remove(name)
  }
  // Not the name that a journal has, so it is none.
  await overwrite(storage, '77.log', new Uint8Array(0))
  await (await Tree.open(storage, treeOptions())).close()
})

eachPlane(
  t,
  'the smallest table size reserves no more file numbers than one merge may',
  async (t, plane) => {
    let reserved = 0
    const storage = freshStorage(t, plane)
    const watched = replaced(storage, {
      async create(name) {
        reserved = Math.max(reserved, Number(/\d+/.exec(name)?.[0] ?? 0))
        return storage.create(name)
      },
    })
    const tiny = await Tree.open(
      watched,
      treeOptions({ maxTableBytes: 1, writeBufferBytes: 64 << 10 }),
    )
    for (let i = 0; i < 12; i++) await tiny.put(`key${i % 2}`, 'v'.repeat(40_000), false)
    await tiny.compactRange()
    t.equal(await tiny.get('key1', { encoding: 'utf8' }), 'v'.repeat(40_000))
    await tiny.close()
    t.ok(reserved < 100_000, `the highest number is ${reserved}`)
  },
)

t.test('a large write under way, or a MANIFEST that failed, is no damage', async (t) => {
  const faulty = faultyStorage(memoryStorage())
  const tree = await Tree.open(faulty, treeOptions({ writeBufferBytes: 64 << 20 }))
  await tree.put('key', VALUE, true)
  let written = false
  const large = tree.put('large', new Uint8Array(16 << 20), false).then(() => (written = true))
  do {
    t.same((await tree.verify()).damage, [])
    await turn()
  } while (!written)
  await large
  faulty.rule = { operation: 'write', file: /MANIFEST/, short: true, forGood: true }
  await t.rejects(tree.flush(), { code: 'CAIRN_IO' })
  t.same((await tree.verify()).damage, [])
  await tree.close()
})

/** Counts the files that are open. */
function counted(storage: Storage, open: Set<string>): Storage {
  let count = 0
  const watch = (file: StorageFile): StorageFile => {
    const name = `${file.name} (${++count})`
    open.add(name)
    return new Proxy(file, {
      get(target, property) {
        if (property === 'close') open.delete(name)
        const found: unknown = Reflect.get(target, property)
        return typeof found === 'function' ? (found.bind(target) as unknown) : found
      },
    })
  }
  return replaced(storage, {
    open: async (name) => watch(await storage.open(name)),
    create: async (name) => watch(await storage.create(name)),
    openSync: (name) => watch(storage.openSync(name)),
  })
}

t.test('no file stays open after a failure, of opening, rotation or anything else', async (t) => {
  const operations: FaultyOperation[] = ['create', 'write', 'sync', 'syncDirectory', 'rename']
  for (const operation of operations) {
    for (let nth = 1; nth < 60; nth++) {
      const open = new Set<string>()
      const faulty = faultyStorage(memoryStorage(), { operation, nth })
      const storage = counted(faulty, open)
      try {
        const tree = await Tree.open(storage, treeOptions())
        for (let i = 0; i < 60; i++) await tree.put(`key${i}`, VALUE, i % 7 === 0).catch(() => {})
        await tree.close()
      } catch (error) {
        t.ok(error instanceof StoreError, 'refused by a StoreError')
      }
      if (open.size > 0) t.fail(`${operation} ${nth} leaves open: ${[...open].join(', ')}`)
      if (faulty.failures === 0) break
    }
  }
  t.pass('all were closed')
})

eachPlane(
  t,
  'setReadOnly refuses what is written after the call, and keeps what came before',
  async (t, plane) => {
    const tree = await Tree.open(freshStorage(t, plane), treeOptions())
    const before = tree.put('before', VALUE, true)
    const settled = tree.setReadOnly()
    await t.rejects(tree.put('after', VALUE, false), { code: 'CAIRN_READ_ONLY' })
    await t.rejects(tree.clear({}, Infinity), { code: 'CAIRN_READ_ONLY' })
    await Promise.all([before, settled])
    const how = { encoding: 'utf8' } as const
    t.equal(await tree.get('before', how), VALUE)
    t.equal(await tree.get('after', how), undefined)
    await tree.sync()
    t.equal((await tree.backup(freshStorage(t, plane))).tables, 1, 'a backup is still to be had')
    await tree.close()
  },
)

eachPlane(
  t,
  'a backup takes a table from an earlier one only when every byte is the same',
  async (t, plane) => {
    const build = async (value: string): Promise<Tree> => {
      const tree = await Tree.open(freshStorage(t, plane), treeOptions())
      for (let i = 0; i < 10; i++) await tree.put(`key${i}`, value.repeat(10), false)
      return tree
    }
    const [tree, twin, other] = [await build('a'), await build('a'), await build('b')]
    const [same, different] = [freshStorage(t, plane), freshStorage(t, plane)]
    await twin.backup(same)
    await other.backup(different)
    t.match(await tree.backup(freshStorage(t, plane), same), { reused: 1, copied: 0 })
    const target = freshStorage(t, plane)
    const { reused, copied, linked } = await tree.backup(target, different)
    t.same([reused, copied + linked], [0, 1])
    const copy = await Tree.open(target, treeOptions())
    t.equal(await copy.get('key1', { encoding: 'utf8' }), 'a'.repeat(10))
    for (const each of [tree, twin, other, copy]) await each.close()
  },
)

eachPlane(
  t,
  "recovery: 'prefix' keeps every journal aside that it drops from",
  async (t, plane) => {
    const storage = freshStorage(t, plane)
    const tree = await Tree.open(storage, treeOptions({ writeBufferBytes: 1 << 20 }))
    for (let i = 0; i < 20; i++) await tree.put(`key${i}`, VALUE, true)
    const left = await laidDown(t, plane, await imageOf(storage))
    await tree.close()
    const journal = await currentJournal(left)
    const bytes = await readAll(left, journal)
    bytes[500]! ^= 1
    await overwrite(left, journal, bytes)
    await t.rejects(Tree.open(left, treeOptions()), { code: 'CAIRN_CORRUPTION' })
    const opened = await Tree.open(left, treeOptions({ recovery: 'prefix' }))
    t.ok(opened.recovered.records > 0 && opened.recovered.records < 20)
    t.same(Buffer.from(await readAll(left, `lost/${journal}`)), Buffer.from(bytes))
    await opened.close()
  },
)

eachPlane(
  t,
  'a directory with files that are not ours is refused and left as it was',
  async (t, plane) => {
    const storage = freshStorage(t, plane)
    await storage.createDirectory()
    await (await storage.create('hello.txt')).close()
    await (await storage.create('LOG')).close()
    await t.rejects(Tree.open(storage, treeOptions()), {
      code: 'CAIRN_FORMAT_VERSION',
      file: 'hello.txt',
    })
    t.same((await storage.list()).map(({ name }) => name).sort(), ['LOG', 'hello.txt'])
  },
)

eachPlane(
  t,
  'a store that is open read-only can be backed up, its journal with it',
  async (t, plane) => {
    const storage = freshStorage(t, plane)
    // Nothing runs in the background while the directory is copied.
    const tree = await Tree.open(storage, treeOptions({ serial: true }))
    for (let i = 0; i < 100; i++) await tree.put(`key${i}`, VALUE, false)
    await tree.put('last', 'in the journal', true)
    const left = await laidDown(t, plane, await imageOf(storage))
    await tree.close()
    const readOnly = await Tree.open(left, treeOptions({ readOnly: true }))
    const target = freshStorage(t, plane)
    t.ok((await readOnly.backup(target)).tables > 0)
    await readOnly.close()
    const copy = await Tree.open(target, treeOptions())
    t.equal(await copy.get('last', { encoding: 'utf8' }), 'in the journal')
    t.equal(await copy.get('key99', { encoding: 'utf8' }), VALUE)
    t.equal((await copy.verify()).ok, true)
    await copy.close()
  },
)

eachPlane(
  t,
  'a backup with an earlier one that is missing leaves nothing behind',
  async (t, plane) => {
    const tree = await Tree.open(freshStorage(t, plane), treeOptions())
    const target = freshStorage(t, plane)
    await t.rejects(tree.backup(target, freshStorage(t, plane)), { code: 'CAIRN_MISSING' })
    t.equal(await target.exists(), false)
    await tree.close()
  },
)

t.test('flush tries again at once when a flush before it has failed', async (t) => {
  const faulty = faultyStorage(memoryStorage())
  const tree = await Tree.open(faulty, treeOptions())
  await tree.put('key', VALUE, false)
  faulty.rule = { operation: 'create', file: /ldb/, error: 'ENOSPC', forGood: true }
  await t.rejects(tree.flush(), { code: 'CAIRN_NO_SPACE' })
  await t.rejects(tree.flush(), { code: 'CAIRN_NO_SPACE' })
  faulty.rule = undefined
  await tree.flush()
  t.equal(tree.property('leveldb.num-files-at-level0'), '1')
  await tree.close()
})

eachPlane(t, 'repair leaves the directory of another engine alone', async (t, plane) => {
  const storage = freshStorage(t, plane)
  await storage.createDirectory()
  for (const name of ['IDENTITY', 'MANIFEST-000005', '000004.sst'])
    await (await storage.create(name)).close()
  const { repair } = await import('../../lib/lsm/repair.js')
  await t.rejects(repair(storage, treeOptions()), { code: 'CAIRN_FORMAT_VERSION' })
  const names = (await storage.list()).map(({ name }) => name)
  t.ok(names.includes('MANIFEST-000005') && names.includes('000004.sst'))
})

eachPlane(t, 'a LOCK that another engine took while we were opening stays', async (t) => {
  const storage = diskStorage(join(quickScratch(t), 'store'))
  await (await Tree.open(storage, treeOptions())).close()
  // It was not there when opening looked, and is somebody's when the plane would take it.
  const unseen = replaced(storage, { list: () => Promise.resolve([]) })
  const refused = Tree.open(unseen, {
    ...treeOptions(),
    choose() {
      const { plane, reason } = treeOptions().choose(storage)
      const lock = (): never => {
        throw new StoreError('CAIRN_LOCKED', 'LevelDB was faster')
      }
      return { plane: replaced(plane, { lock }), reason }
    },
  })
  await t.rejects(refused, { code: 'CAIRN_LOCKED' })
  t.equal((await storage.list('lock')).length, 1, 'it is theirs')
})
