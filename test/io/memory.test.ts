/** Storage in memory: the contract, and what a power cut leaves. */
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import { faultyStorage } from '../support/faulty.js'
import { random } from '../support/random.js'
import { contract, get, namesOf, put } from './contract.js'

const FULL = process.env.CAIRN_CAMPAIGN === 'full'
const SEEDS = Array.from({ length: FULL ? 2000 : 200 }, (_, i) => i)

contract('memory', memoryStorage)
contract('memory under a wrapper', () => faultyStorage(memoryStorage()))

async function made(): Promise<MemoryStorage> {
  const storage = memoryStorage()
  await storage.createDirectory()
  return storage
}

/** The states that the seeds give, by what `look` sees. */
async function states(
  storage: MemoryStorage,
  look: (clone: MemoryStorage) => Promise<string | undefined>,
): Promise<string[]> {
  const seen = new Set<string>()
  for (const seed of SEEDS) seen.add(String(await look(storage.crashClone(seed))))
  return [...seen].sort()
}

void t.test('what is synced survives, whatever the seed', async (t) => {
  const storage = await made()
  await storage.makeDirectory('lost')
  await put(storage, '000001.log', 'safe')
  await put(storage, 'lost/000002.log', 'safe too')
  await storage.syncDirectory()
  t.same(await states(storage, (clone) => get(clone, '000001.log')), ['safe'])
  t.same(await states(storage, (clone) => get(clone, 'lost/000002.log')), ['safe too'])
  t.equal(await memoryStorage().crashClone(5).exists(), false)
})

void t.test('seed 0 keeps nothing else, seed 1 everything', async (t) => {
  const storage = await made()
  await put(storage, 'a', 'one')
  await put(storage, 'gone', 'two')
  await storage.syncDirectory()
  const file = await storage.create('b')
  file.writeSync(Buffer.from('new'), 0)
  const a = await storage.open('a')
  await a.truncate(1)
  await storage.remove('gone')
  await storage.rename('a', 'c')
  const none = storage.crashClone(0)
  t.same(await namesOf(none), ['a', 'gone'])
  t.equal(await get(none, 'a'), 'one')
  const all = storage.crashClone(1)
  t.same(await namesOf(all), ['b', 'c'])
  t.equal(await get(all, 'b'), 'new')
  t.equal(await get(all, 'c'), 'o')
})

void t.test('file sync is for contents, directory sync for names', async (t) => {
  const storage = await made()
  await put(storage, 'a', 'content')
  t.same(await states(storage, (clone) => get(clone, 'a')), ['content', 'undefined'])
  const b = await storage.create('b')
  await storage.syncDirectory()
  b.writeSync(Buffer.from('xyz'), 0)
  const seen = await states(storage, (clone) => get(clone, 'b'))
  t.same(seen, ['', '\0\0\0', 'xyz'], 'a small write is whole, absent, or a hole')
})

void t.test('pieces of 512 bytes, and holes of zeros', async (t) => {
  const storage = await made()
  const file = await storage.create('a')
  await storage.syncDirectory()
  file.writeSync(Buffer.alloc(100, 'a'), 0)
  await file.sync()
  file.writeSync(Buffer.alloc(1124, 'b'), 100)
  file.writeSync(Buffer.alloc(300, 'c'), 1024)
  // Sectors as the clones have them: [100, 512) [512, 1024) [1024, 1224) and the second write.
  const shape = (text: string) =>
    [text.slice(0, 100), text.slice(100, 512), text.slice(512, 1024), text.slice(1024)]
      .map((part) => part.replace(/(.)\1*/gs, (_, each: string) => (each === '\0' ? '0' : each)))
      .join('|')
  const seen = await states(storage, async (clone) => shape((await get(clone, 'a'))!))
  t.ok(
    seen.every((each) => /^a\|(b|0|)\|(b|0|)\|(b|b0|c|0|)$/.test(each)),
    seen.join(' '),
  )
  for (const expected of ['a|||', 'a|b||', 'a|0|b|', 'a|b|b|c', 'a|0|0|c', 'a|b|b|b'])
    t.ok(seen.includes(expected), expected)
})

void t.test('truncations survive or not', async (t) => {
  const storage = await made()
  await put(storage, 'a', '0123456789')
  await storage.syncDirectory()
  const file = await storage.open('a')
  await file.truncate(3)
  t.same(await states(storage, (clone) => get(clone, 'a')), ['012', '0123456789'])
  await file.sync()
  t.same(await states(storage, (clone) => get(clone, 'a')), ['012'])
  await file.truncate(5)
  t.same(await states(storage, (clone) => get(clone, 'a')), ['012', '012\0\0'])
})

void t.test('a replaced file survives if the rename does not', async (t) => {
  const storage = await made()
  await storage.setCurrent('MANIFEST-000001')
  await put(storage, '000002.dbtmp', 'MANIFEST-000002\n')
  await storage.rename('000002.dbtmp', 'CURRENT')
  const names = ['MANIFEST-000001\n', 'MANIFEST-000002\n']
  t.same(await states(storage, (clone) => clone.getCurrent()), names)
  await storage.syncDirectory()
  t.same(await states(storage, (clone) => clone.getCurrent()), [names[1]])
})

void t.test('subdirectories', async (t) => {
  const storage = await made()
  await put(storage, 'a', 'moved')
  await storage.syncDirectory()
  await storage.makeDirectory('lost')
  await storage.rename('a', 'lost/a')
  const seen = await states(storage, async (clone) => {
    const [above, below] = [await get(clone, 'a'), await get(clone, 'lost/a')]
    return `${above} ${below}`
  })
  t.same(seen, ['moved undefined', 'undefined moved'], 'never in neither, never in both')
  await storage.syncDirectory()
  t.equal(await get(storage.crashClone(0), 'lost/a'), 'moved')
})

void t.test('a sync covers what was written before it was called', async (t) => {
  const storage = await made()
  const file = await storage.create('a')
  await storage.syncDirectory()
  file.writeSync(Buffer.from('before'), 0)
  const sync = file.sync()
  file.writeSync(Buffer.from('after'), 6)
  t.equal(await get(storage.crashClone(0), 'a'), '', 'nothing before it settles')
  await sync
  t.equal(await get(storage.crashClone(0), 'a'), 'before')
  const again = file.sync()
  file.writeSync(Buffer.from('B'), 0)
  await again
  t.equal(await get(storage.crashClone(0), 'a'), 'beforeafter')
  await file.sync()
  t.equal(await get(storage.crashClone(0), 'a'), 'Beforeafter')
})

void t.test('operations are counted and announced before they are done', async (t) => {
  const storage = memoryStorage()
  const seen: string[] = []
  const images: MemoryStorage[] = []
  storage.onOperation = (n, what) => {
    t.equal(n, storage.operations)
    seen.push(what)
    images.push(storage.crashClone(1))
  }
  await storage.createDirectory()
  await storage.setCurrent('MANIFEST-000003')
  storage.log('is no operation')
  await storage.list()
  const lock = await storage.lock({ readOnly: false, timeoutMs: 0 })
  t.same(seen, [
    'create directory',
    'create 000003.dbtmp',
    'write 000003.dbtmp',
    'sync 000003.dbtmp',
    'rename 000003.dbtmp CURRENT',
    'syncDirectory',
  ])
  t.equal(await images[0]!.exists(), false)
  t.same(await namesOf(images[1]!), [])
  t.same(await namesOf(images[5]!), ['CURRENT'])
  const clone = storage.crashClone(0)
  await clone.lock({ readOnly: false, timeoutMs: 0 })
  t.equal(clone.operations, 0, 'a clone is unlocked and begins to count')
  await lock.release()
  storage.onOperation = () => {
    throw new Error('cut')
  }
  await t.rejects(storage.remove('CURRENT'), { message: 'cut' })
  t.equal(await storage.getCurrent(), 'MANIFEST-000003\n')
})

void t.test('asynchronous operations settle later', async (t) => {
  const storage = await made()
  const file = await storage.create('a')
  const into = Buffer.alloc(1, '.')
  file.writeSync(Buffer.from('x'), 0)
  const read = file.read(into, 0)
  const write = file.write(Buffer.from('y'), 1)
  t.equal(into.toString(), '.')
  t.equal(file.size(), 1)
  await Promise.all([read, write])
  t.equal(into.toString(), 'x')
  t.equal(file.size(), 2)
})

void t.test('clones and their origin share nothing that changes', async (t) => {
  const seed = 20_240_601
  const next = random(seed)
  const below = (n: number) => Math.floor(next() * n)
  const storage = await made()
  const file = await storage.create('a')
  await storage.syncDirectory()
  /** What is open now, with its content as it should be, and as it should be after seed 0. */
  type Model = { open: typeof file; live: Buffer; safe: Buffer; storage: MemoryStorage }
  const models: Model[] = [{ open: file, live: Buffer.alloc(0), safe: Buffer.alloc(0), storage }]
  let wrong = 0
  for (let step = 0; step < (FULL ? 30_000 : 3_000); step++) {
    const model = models[below(models.length)]!
    const action = below(10)
    if (action < 6) {
      const bytes = Buffer.alloc(1 + below(1500), 97 + below(26))
      const position = action < 3 ? model.live.length : below(model.live.length + 50)
      model.open.writeSync(bytes, position)
      const size = Math.max(model.live.length, position + bytes.length)
      model.live = Buffer.concat([model.live, Buffer.alloc(size - model.live.length)])
      model.live.set(bytes, position)
    } else if (action === 6) {
      const size = below(model.live.length + 100)
      await model.open.truncate(size)
      const kept = model.live.subarray(0, size)
      model.live = Buffer.concat([kept, Buffer.alloc(size - kept.length)])
    } else if (action < 9) {
      const { live } = model
      const sync = model.open.sync()
      const late = next() < 0.5
      const position = below(live.length + 1)
      if (late) {
        model.open.writeSync(Buffer.from('LATE'), position)
        model.live = Buffer.alloc(Math.max(live.length, position + 4))
        model.live.set(live)
        model.live.set(Buffer.from('LATE'), position)
      }
      await sync
      model.safe = Buffer.from(live)
    } else {
      const keep = below(2)
      const clone = model.storage.crashClone(keep)
      // A clone opens to read; it is written to through a copy of its own name.
      const content = keep === 1 ? model.live : model.safe
      if ((await get(clone, 'a')) !== content.toString('latin1')) wrong++
      const copy = await clone.create(`copy`)
      copy.writeSync(content, 0)
      await copy.sync()
      await clone.remove('a')
      await clone.rename('copy', 'a')
      await clone.syncDirectory()
      const next_: Model = { open: copy, live: content, safe: content, storage: clone }
      if (models.length < 5) models.push(next_)
      else models[1 + below(4)] = next_
    }
    const { live } = model
    if ((await get(model.storage, 'a')) !== live.toString('latin1')) wrong++
  }
  t.equal(wrong, 0, `seed ${seed}`)
})

void t.test('five thousand clones of 200 KB', { skip: !FULL }, async (t) => {
  const storage = await made()
  for (let i = 0; i < 10; i++) await put(storage, `${i}.ldb`, 'x'.repeat(18_000))
  await storage.syncDirectory()
  const file = await storage.create('1.log')
  for (let i = 0; i < 100; i++) file.writeSync(Buffer.alloc(200, i), i * 200)
  const clones = Array.from({ length: 5000 }, (_, seed) => storage.crashClone(seed))
  t.equal(clones.length, 5000)
  t.ok(process.memoryUsage().rss < 1 << 30, 'all of them alive fit into a gigabyte')
})
