/**
 * Opening a map: options that are wrong, directories that are not its own, read-only, memory,
 * encryption, salvage; and what verify, backup and restore make of it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CairnLevel, DurableMap, Journal } from '../../lib/index.js'
import type { MapOptions } from '../../lib/index.js'
import { diskStorage, memoryStorage } from '../../lib/io/index.js'
import { freshPath, listing } from '../support/directory.js'
import { eachPlane } from '../support/planes.js'

type Texts = DurableMap<string, string>

function openTexts(path: string, options: MapOptions = {}): Promise<Texts> {
  return DurableMap.open<string, string>(path, {
    ...{ infoLog: false, valueEncoding: 'utf8' },
    ...options,
  })
}

/** A map with keys key0 to key<count - 1>, closed. */
async function made(count: number, options: MapOptions = {}): Promise<string> {
  const path = freshPath()
  const map = await openTexts(path, options)
  await Promise.all(Array.from({ length: count }, (_, i) => map.set(`key${i}`, `value${i}`)))
  await map.close()
  return path
}

const WRONG: Record<string, [type: unknown[], value: unknown[]]> = {
  shards: [
    ['16', null],
    [0, 1.5, 5000],
  ],
  keyEncoding: [[7], ['binary', 'hex']],
  valueEncoding: [[null], ['base64']],
  compactThreshold: [['1'], [0, -1, NaN]],
  compactRatio: [
    ['0.3', null],
    [0, -0.1, 1.1, NaN],
  ],
  snapshotEveryMs: [[true], [-1, 0.5]],
  snapshotJournalBytes: [['1 GB'], [0]],
  keepSnapshots: [[null], [0]],
  keepSnapshotsMs: [['7 days'], [-1]],
  keepSegments: [[{}], [0]],
  sync: [[true], ['sometimes']],
  syncIntervalMs: [['5'], [0, Infinity]],
  segmentBytes: [['64 MB'], [0]],
  recovery: [[1], ['prefix']],
  plane: [[1], ['wasm']],
  storage: [[5, {}], ['cloud']],
  onDrop: [['log'], []],
  infoLog: [['file'], []],
  key: [['a string', 5], [new Uint8Array(31)]],
  passphrase: [[5], ['short']],
  cipher: [[1], ['rot13']],
}

eachPlane(t, 'wrong options are refused, and touch nothing', async (t) => {
  for (const [name, [types, values]] of Object.entries(WRONG))
    for (const [wrong, Kind] of [
      ...types.map((value) => [value, TypeError] as const),
      ...values.map((value) => [value, RangeError] as const),
    ]) {
      const path = freshPath()
      await t.rejects(openTexts(path, { [name]: wrong }), Kind, `${name}: ${String(wrong)}`)
      t.notOk(existsSync(path))
    }
  for (const path of ['', 'a\0b', 5, undefined])
    await t.rejects(openTexts(path as string), TypeError)
})

eachPlane(t, 'what is not a map is refused, named, and left as it is', async (t) => {
  const path = freshPath()
  const level = new CairnLevel(path)
  await level.put('a', 'b')
  await level.close()
  const before = listing(path)
  await t.rejects(openTexts(path), { code: 'CAIRN_FORMAT_VERSION' })
  t.strictSame(listing(path), before)

  const journals = freshPath()
  const journal = await Journal.open(journals, { infoLog: false })
  await journal.append('a')
  await journal.close()
  const were = listing(journals)
  await t.rejects(openTexts(journals), { code: 'CAIRN_FORMAT_VERSION', message: /journal/ })
  t.strictSame(listing(journals), were)
  await t.rejects(Journal.open(await made(1)), { code: 'CAIRN_FORMAT_VERSION', message: /map/ })

  const foreign = freshPath()
  mkdirSync(foreign)
  writeFileSync(join(foreign, 'notes.txt'), 'mine')
  const notes = await openTexts(foreign).catch((error: unknown) => error)
  if (notes instanceof Error) t.equal(readFileSync(join(foreign, 'notes.txt'), 'utf8'), 'mine')
  else await (notes as Texts).close()
  t.equal(readFileSync(join(foreign, 'notes.txt'), 'utf8'), 'mine')

  await t.rejects(openTexts(freshPath(), { createIfMissing: false }), { code: 'CAIRN_MISSING' })
  await t.rejects(openTexts(await made(1), { errorIfExists: true }), { code: 'CAIRN_EXISTS' })
})

eachPlane(t, 'a writer excludes others, readers stand beside one another', async (t) => {
  const path = await made(100)
  const writer = await openTexts(path)
  await t.rejects(openTexts(path), { code: 'CAIRN_LOCKED' })
  await t.rejects(openTexts(path, { readOnly: true }), { code: 'CAIRN_LOCKED' })
  await writer.close()
  const before = listing(path)
  const readers = [
    await openTexts(path, { readOnly: true }),
    await openTexts(path, { readOnly: true }),
  ]
  for (const reader of readers) {
    t.equal(reader.size, 100)
    t.equal(reader.get('key7'), 'value7')
    for (const write of [reader.set('a', 'b'), reader.delete('none'), reader.clear()])
      await t.rejects(write as Promise<void>, { code: 'CAIRN_READ_ONLY' })
    await t.rejects(reader.snapshot(), { code: 'CAIRN_READ_ONLY' })
    await t.rejects(reader.compact(), { code: 'CAIRN_READ_ONLY' })
    t.strictSame(await reader.snapshots(), [])
    t.ok((await reader.verify()).ok)
    t.ok(reader.stats().entries === 100)
  }
  await t.rejects(openTexts(path), { code: 'CAIRN_LOCKED' })
  for (const reader of readers) await reader.close()
  t.strictSame(listing(path), before, 'nothing was changed')
  await t.rejects(openTexts(freshPath(), { readOnly: true }), { code: 'CAIRN_MISSING' })
})

t.test('a map in memory lives as long as its storage', async (t) => {
  const storage = memoryStorage()
  const map = await openTexts('anywhere', { storage })
  t.equal(map.plane.name, 'typescript')
  await map.set('a', 'b')
  await t.rejects(openTexts('anywhere', { storage }), { code: 'CAIRN_LOCKED' })
  await map.close()
  const again = await openTexts('anywhere', { storage })
  t.equal(again.get('a'), 'b')
  await again.close()
  const other = await openTexts('anywhere', { storage: 'memory' })
  t.equal(other.size, 0)
  await other.close()
})

eachPlane(t, 'segments replay in order, however they are listed', async (t) => {
  const storage = diskStorage(freshPath())
  const open = (): Promise<Texts> => {
    return openTexts(storage.location, { storage, segmentRecords: 3 })
  }
  const map = await open()
  for (let i = 0; i < 40; i++) await map.set(`key${i % 10}`, `value${i}`)
  for (let i = 0; i < 10; i += 2) await map.delete(`key${i}`)
  const expected = [...map.entries()].sort()
  await map.close()
  const list = storage.list.bind(storage)
  for (const order of ['backwards', 'by their last digit'])
    t.same(await reordered(order), expected, order)

  async function reordered(order: string): Promise<unknown[]> {
    const last = (name: string): string => name.replace(/^\d*(\d)/, '$1')
    storage.list = async (...asked) => {
      const files = [...(await list(...asked))].reverse()
      if (order !== 'backwards') files.sort((a, b) => last(a.name).localeCompare(last(b.name)))
      return files
    }
    const again = await open()
    const found = [...again.entries()].sort()
    await again.close()
    return found
  }
})

eachPlane(t, 'an encrypted map opens with its key alone', async (t) => {
  const key = new Uint8Array(32).fill(9)
  const path = await made(50, { key })
  const before = listing(path)
  await t.rejects(openTexts(path), { code: 'CAIRN_WRONG_KEY' })
  await t.rejects(openTexts(path, { key: new Uint8Array(32) }), { code: 'CAIRN_WRONG_KEY' })
  await t.rejects(openTexts(await made(1), { key }), { code: 'CAIRN_WRONG_KEY' })
  t.strictSame(listing(path), before)
  const map = await openTexts(path, { key })
  t.equal(map.get('key49'), 'value49')
  t.match(map.stats().cipher, /aes-256-gcm|chacha20-poly1305/)
  t.match(await map.snapshot(), { kind: 'full', entries: 50 })
  await map.close()
  const again = await openTexts(path, { key })
  t.equal(again.size, 50)
  await again.close()
})

eachPlane(t, 'another key opens the map, and the old one does not', async (t) => {
  const [first, second, third] = [1, 2, 3].map((n) => new Uint8Array(32).fill(n))
  const path = await made(50, { key: first })
  const map = await openTexts(path, { key: first })
  await map.snapshot()
  await map.set('key0', 'later')
  await map.close()
  await t.rejects(DurableMap.rekey(path, second!, third!), { code: 'CAIRN_WRONG_KEY' })
  await t.rejects(DurableMap.rekey(path, first!, 5 as never), TypeError)
  await DurableMap.rekey(path, first!, second!)
  await t.rejects(openTexts(path, { key: first }), { code: 'CAIRN_WRONG_KEY' })
  await DurableMap.rekey(path, second!, third!, { deep: true })
  await t.rejects(openTexts(path, { key: second }), { code: 'CAIRN_WRONG_KEY' })
  const again = await openTexts(path, { key: third })
  t.equal(again.size, 50)
  t.equal(again.get('key0'), 'later')
  t.equal((await again.snapshots()).length, 1)
  t.ok((await again.verify()).ok)
  await again.close()
})

eachPlane(t, 'salvage skips what is damaged, says so, and writes a fresh snapshot', async (t) => {
  const path = await made(100, { sync: 'always', batchRecords: 10 })
  const file = join(path, 'wal', '00000001.journal')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('value55')]! ^= 1
  writeFileSync(file, bytes)
  await t.rejects(openTexts(path), { code: 'CAIRN_CORRUPTION', file: 'wal/00000001.journal' })
  const dropped: unknown[] = []
  const onDrop = (damage: unknown): void => void dropped.push(damage)
  const map = await openTexts(path, { recovery: 'salvage', onDrop })
  const told = new Promise((resolve) => map.once('recovered', resolve))
  t.ok(map.size < 100 && map.size >= 80, `${map.size} are left`)
  t.notOk(map.has('key55'), 'a group is skipped whole')
  t.equal(map.recovered.damage?.length, 1)
  t.strictSame(dropped, map.recovered.damage)
  t.equal(await told, map.recovered)
  t.ok(existsSync(join(path, 'damaged', '00000001.journal')))
  t.match(await map.snapshots(), [{ kind: 'full', entries: map.size }])
  t.ok((await map.verify()).ok)
  const { size } = map
  await map.close()
  const strict = await openTexts(path)
  t.equal(strict.size, size)
  t.notOk(strict.recovered.damage)
  await strict.close()
})

eachPlane(t, 'verify finds what is damaged, and the map goes on', async (t) => {
  const path = await made(100)
  const map = await openTexts(path)
  await map.snapshot()
  t.match(await map.verify(), { ok: true, damage: [] })
  const file = join(path, 'snapshots', '00000001.snapshot')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('value55')]! ^= 1
  writeFileSync(file, bytes)
  const report = await map.verify()
  t.notOk(report.ok)
  t.match(report.damage, [{ file: 'snapshots/00000001.snapshot', reason: 'checksum mismatch' }])
  t.equal(map.get('key55'), 'value55')
  await map.close()
  const again = await openTexts(path)
  t.equal(again.size, 100, 'the journal has all')
  t.match(again.recovered.damage, [{ file: 'snapshots/00000001.snapshot' }])
  await again.close()
})

eachPlane(t, 'backups and restored snapshots are maps of their own', async (t) => {
  const path = await made(100)
  const map = await openTexts(path)
  const { number } = await map.snapshot()
  await map.set('key0', 'later')
  const [first, second] = [freshPath(), freshPath()]
  t.match(await map.backup(first), { reused: 0 })
  await map.set('key1', 'latest')
  const report = await map.backup(second, { since: first })
  t.ok(report.reused > 0, `${report.reused} of ${report.files} files are those of the first`)
  await t.rejects(map.backup(first), { code: 'CAIRN_EXISTS' })
  await t.rejects(map.backup(5 as never), TypeError)
  const target = freshPath()
  await map.restore(number, target)
  await t.rejects(map.restore(number, target), { code: 'CAIRN_EXISTS' })
  await t.rejects(map.restore(99, freshPath()), { code: 'CAIRN_NOT_FOUND' })
  await t.rejects(map.restore(0, freshPath()), RangeError)
  await t.rejects(map.pruneSnapshots(0), RangeError)
  await map.set('key2', 'only here')
  const expected = [
    [path, ['later', 'latest', 'only here']],
    [first, ['later', 'value1', 'value2']],
    [second, ['later', 'latest', 'value2']],
    [target, ['value0', 'value1', 'value2']],
  ] as const
  await map.close()
  for (const [at, values] of expected) {
    const copy = await openTexts(at)
    t.strictSame([copy.get('key0'), copy.get('key1'), copy.get('key2')], values)
    t.equal(copy.size, 100)
    t.strictSame(copy.recovered.torn, undefined)
    t.ok((await copy.verify()).ok)
    await copy.set('more', 'x')
    await copy.close()
  }
})
