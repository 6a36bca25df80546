/** The assembled plane, its handles, and how a plane is chosen. */
import t from 'tap'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STORE_ERROR_CODES } from '../../lib/errors.js'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { diskStorage, memoryStorage } from '../../lib/io/index.js'
import type { Memtable, Table, View } from '../../lib/plane.js'
import { ABSENT } from '../../lib/plane.js'
import { FORMAT_CONSTANTS, findNative, flawOf } from '../../lib/planes/native.js'
import { ADDON_REVISION, NATIVE_FUNCTIONS } from '../../lib/planes/addon.js'
import { selectPlane } from '../../lib/planes/select.js'
import { applyVersions, writeTable } from '../support/entries.js'
import { random } from '../support/random.js'
import { eachPlane, makePlane, nativeMissing, nativeRequired } from '../support/planes.js'

const HOW = { wait: true, fillCache: true }
const KEY = Buffer.from('key')
const VERSION = { key: KEY, sequence: 1, type: 1, value: Buffer.from('value') }

function options() {
  return { storage: memoryStorage(), cacheBytes: 1 << 16, maxOpenTables: 10 }
}

function withEnvironment<T>(name: string, value: string | undefined, run: () => T): T {
  const before = process.env[name]
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
  try {
    return run()
  } finally {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}

eachPlane(t, 'find fills the slab, or says how long the value is', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const memtable = plane.createMemtable()
  applyVersions(memtable, [VERSION], random(1))
  const view = plane.createView([[], [memtable]])
  const slab = Buffer.alloc(10, '.')
  t.equal(plane.find(view, KEY, 5, slab, 3, HOW), 5)
  t.equal(slab.toString(), '...value..')
  t.equal(view.found, 1)
  slab.fill('.')
  t.equal(plane.find(view, KEY, 5, slab, 6, HOW), 5)
  t.equal(slab.toString(), '..........', 'nothing is copied without the room')
  t.equal(plane.find(view, KEY, 0, slab, 0, HOW), ABSENT)
  t.equal(view.found, 0)
  t.equal(plane.find(view, Buffer.from('kez'), 5, slab, 0, HOW), ABSENT)
  const value = await plane.findCold(view, KEY, 5, HOW)
  t.same(value, Buffer.from('value'))
  t.equal(await plane.findCold(view, KEY, 0, HOW), undefined)
})

eachPlane(t, 'a key may be text of any length', async (t, name) => {
  const { plane } = await makePlane(t, name)
  const texts = ['', 'key', 'k\0y', 'clé', '鍵', '🔑', 'torn \ud83d', '\udd11 torn', 'é'.repeat(40)]
  // Around the lengths at which planes go from one way of reading text to another.
  for (const length of [100, 126, 127, 128, 129, 340, 341, 500, 2000])
    for (const end of ['', 'é', '鍵', '🔑', '\ud83d']) texts.push('x'.repeat(length) + end)
  for (let length = 505; length < 515; length++)
    for (const end of ['', 'é', '鍵', '🔑']) texts.push('x'.repeat(length) + end)
  const memtable = plane.createMemtable()
  texts.forEach((text, i) => {
    const version = { key: Buffer.from(text), sequence: i + 1, type: 1, value: Buffer.from([i]) }
    applyVersions(memtable, [version], random(1))
  })
  const view = plane.createView([[memtable]])
  const slab = Buffer.alloc(1)
  texts.forEach((text, i) => {
    t.equal(plane.find(view, text, 1000, slab, 0, HOW), 1, `text ${i}`)
    t.equal(slab[0], i)
    t.equal(plane.find(view, `${text}.`, 1000, slab, 0, HOW), ABSENT)
  })
})

eachPlane(
  t,
  'a key whose versions lie in two neighbouring tables, as LevelDB may leave them',
  async (t, name) => {
    const { plane, storage } = await makePlane(t, name)
    const versions = Array.from({ length: 9 }, (_, i) => ({
      ...VERSION,
      sequence: i + 1,
      value: Buffer.from(`${i + 1}`),
    }))
    const run: Table[] = []
    for (const [i, part] of [
      versions.slice(6),
      versions.slice(3, 6),
      versions.slice(0, 3),
    ].entries())
      run.push(plane.openTable(await writeTable(storage, i + 1, part)))
    const view = plane.createView([run])
    const slab = Buffer.alloc(4)
    for (let at = 1; at <= 9; at++) {
      t.equal(plane.find(view, KEY, at, slab, 0, HOW), 1)
      t.equal(slab.toString('latin1', 0, 1), String(at))
      t.equal(view.found, at)
    }
    await plane.close()
  },
)

eachPlane(t, 'the one table of many that may hold a key', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  const stems = ['', 'p', 'aaaa', 'aaaabbb', 'p', 'aaaa', 'aaaabbb', 'aaaabbbbcccc']
  let number = 1
  for (const stem of stems) {
    // Odd keys are there, even ones fall between two tables; one table holds two keys.
    const keys = Array.from({ length: 40 }, (_, i) => Buffer.from(stem + String(2 * i + 11)))
    // This one shares nothing with the others, so that their words begin with the stem.
    if (number > 100) keys.unshift(Buffer.from('!'))
    const run: Table[] = []
    for (let i = 0; i < keys.length; i++) {
      const pair = i % 5 === 0 && i > 0 ? keys.slice(i, i + 2) : keys.slice(i, i + 1)
      const versions = pair.map((key) => ({ ...VERSION, key, value: key }))
      run.push(plane.openTable(await writeTable(storage, number++, versions)))
      i += pair.length - 1
    }
    const view = plane.createView([run])
    const slab = Buffer.alloc(30)
    for (let n = 0; n < 110; n++) {
      const key = Buffer.from(stem + String(n))
      const found = plane.find(view, key, 5, slab, 0, HOW)
      const there = keys.some((other) => other.equals(key))
      if (found !== (there ? key.length : ABSENT)) t.fail(`${key.toString()}: ${found}`)
    }
    for (const key of ['', stem, stem.slice(0, -1), `${stem}~`, 'zzzz', `${stem}\0`])
      t.equal(plane.find(view, Buffer.from(key), 5, slab, 0, HOW), ABSENT)
  }
  await plane.close()
})

eachPlane(t, "another plane's handle is a TypeError", async (t, name) => {
  const { plane } = await makePlane(t, name)
  const memtable = { kind: 'memtable', bytes: 0, entries: 0 } as Memtable
  const view = { runs: [], found: 0, close() {} } as View
  t.throws(() => plane.createView([[memtable]]), TypeError)
  t.throws(() => plane.find(view, KEY, 1, KEY, 0, HOW), TypeError)
  t.throws(() => plane.scan(view, {}, 1), TypeError)
  await t.rejects(plane.findCold(view, KEY, 1, HOW), TypeError)
  const own = [plane.createMemtable(), plane.createMemtable()]
  t.throws(() => plane.createView([own]), TypeError, 'two memtables are not disjoint')
  const job = {
    inputs: [[memtable]],
    snapshots: [1],
    outputs: [1],
    table: { blockSizeBytes: 64, restartInterval: 2, compression: false, filterBits: 0 },
    maxTableBytes: 1,
    deeper: [],
    grandparents: [],
    maxGrandparentBytes: 1,
  }
  await t.rejects(plane.merge(job, new AbortController().signal), TypeError)
  const closed = plane.createView([])
  closed.close()
  t.throws(() => plane.find(closed, KEY, 1, KEY, 0, HOW), TypeError)
  await plane.close()
  await t.rejects(plane.merge(job, new AbortController().signal), { code: 'CAIRN_NOT_OPEN' })
  await t.rejects(plane.createJournal('000001.log'), { code: 'CAIRN_NOT_OPEN' })
  await t.rejects(plane.openJournal('000001.log'), { code: 'CAIRN_NOT_OPEN' })
})

eachPlane(t, 'journals and checksums are there', async (t, name) => {
  const { plane } = await makePlane(t, name)
  t.equal(plane.name, name)
  t.match(plane.io, name === 'native' ? /^(io_uring|threads)$/ : 'memory')
  t.equal(plane.crc32c(Buffer.from('123456789')), 0xe3069283)
  t.equal(plane.crc32c(Buffer.from('6789'), plane.crc32c(Buffer.from('12345'))), 0xe3069283)
  const journal = await plane.createJournal('000001.log')
  journal.append(Buffer.from('a record'))
  await journal.close()
  const reader = await plane.openJournal('000001.log')
  t.equal(Buffer.from((await reader.next())!.bytes).toString(), 'a record')
  await reader.close()
  t.same(plane.cacheStats(), { openTables: 0, cachedBlockBytes: 0 })
  await plane.close()
})

t.test('the native plane is there', (t) => {
  // Without a compiler the tests run on the TypeScript plane alone, which must not go unseen.
  const excused = nativeMissing !== undefined && !nativeRequired
  const skip = excused && `THE NATIVE PLANE IS NOT TESTED: ${nativeMissing}`
  t.equal(nativeMissing, undefined, 'the addon can be had', { skip })
  t.end()
})

t.test('select', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-planes-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const disk = { ...options(), storage: diskStorage(folder) }
  withEnvironment('CAIRN_PLANE', undefined, () => {
    t.equal(selectPlane('typescript', disk).plane.io, 'node:fs')
    t.match(selectPlane('typescript', disk).reason, /options/)
    const auto = selectPlane('auto', options())
    t.equal(auto.plane.name, 'typescript')
    t.match(auto.reason, /memory/)
    t.throws(() => selectPlane('native', options()), { code: 'CAIRN_NATIVE_UNAVAILABLE' })
    withEnvironment('CAIRN_ADDON', 'relative.node', () => {
      t.match(selectPlane('auto', disk).reason, /absolute/)
      t.throws(() => selectPlane('native', disk), { code: 'CAIRN_NATIVE_UNAVAILABLE' })
    })
  })
  withEnvironment('CAIRN_PLANE', 'typescript', () => {
    t.match(selectPlane('native', disk).reason, /CAIRN_PLANE/)
  })
  withEnvironment('CAIRN_PLANE', 'native', () => {
    t.throws(() => selectPlane('typescript', options()), { code: 'CAIRN_NATIVE_UNAVAILABLE' })
  })
  withEnvironment('CAIRN_PLANE', '', () => {
    t.equal(selectPlane('typescript', disk).plane.name, 'typescript')
  })
  withEnvironment('CAIRN_PLANE', 'fast', () => {
    t.throws(() => selectPlane('auto', disk), RangeError)
  })
  t.end()
})

t.test('an addon is proven before it is trusted', (t) => {
  const functions = Object.keys(NATIVE_FUNCTIONS).map((name) => [name, () => undefined])
  const good = {
    ...(Object.fromEntries(functions) as object),
    revision: ADDON_REVISION,
    constants: { ...FORMAT_CONSTANTS },
    errorCodes: [...STORE_ERROR_CODES],
    words: new Float64Array(2),
    crc32c: (bytes: Uint8Array, seed: number) => crc32c(bytes, seed),
  }
  t.equal(flawOf(good), undefined)
  const flaws: [string, unknown][] = [
    ['nothing', undefined],
    ['exports', null],
    ['constants', { ...good, constants: undefined }],
    [
      'JOURNAL_BLOCK_BYTES',
      { ...good, constants: { ...FORMAT_CONSTANTS, JOURNAL_BLOCK_BYTES: 1 } },
    ],
    ['codes', { ...good, errorCodes: good.errorCodes.slice(1) }],
    ['crc32c', { ...good, crc32c: undefined }],
    ['planeOpen', { ...good, planeOpen: 1 }],
    ['another version', { ...good, revision: ADDON_REVISION + 1 }],
    ['words', { ...good, words: [] }],
    ['CRC', { ...good, crc32c: () => 0 }],
  ]
  for (const [word, addon] of flaws) t.match(flawOf(addon), new RegExp(word))
  const folder = mkdtempSync(join(tmpdir(), 'cairn-planes-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const text = join(folder, 'addon.node')
  writeFileSync(text, 'not a library')
  for (const named of [text, join(folder, 'missing.node'), 'relative.node']) {
    const search = findNative(named)
    t.equal(search.addon, undefined)
    t.type('reason' in search && search.reason, 'string')
  }
  t.end()
})
