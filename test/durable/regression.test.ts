/**
 * Defects of journals and maps that were found by breaking them, each under a name of its own.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { WaitingCallers } from '../../lib/commit/callers.js'
import { segmentName } from '../../lib/format/names.js'
import { diskStorage, memoryStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import { DurableMap } from '../../lib/stores/map/index.js'
import { openTexts, type Texts } from '../crash/map-texts.js'
import { changed, closed, failureOf, openStore, recordsOf } from '../support/journal.js'
import { codesOf } from '../support/level.js'
import { faultyStorage } from '../support/faulty.js'
import { eachPlane, freshStorage, imageOf, laidDown, withEnvironment } from '../support/planes.js'
import { scratch } from '../support/scratch.js'

const MIB = 1024 * 1024
const SALVAGE = { recovery: 'salvage' } as const
const QUIET = { snapshotEveryMs: 0, compactThreshold: 1_000_000 } as const
const onLinux = process.platform === 'linux' ? {} : { skip: 'looks into /proc' }

function keysOf(map: Texts): string {
  return [...map.keys()].sort().join(' ')
}

/** A map with these keys whose process died behind a sync: its next opening skips numbers. */
async function died(storage: Storage, keys: string): Promise<void> {
  const map = await openTexts(storage, QUIET)
  for (const key of keys.split(' ')) await map.set(key, `value of ${key}`)
  await map.sync()
}

/** The file descriptors of this process that lead into a directory. */
function descriptorsIn(directory: string): string[] {
  const found = fs.readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${descriptor}`)
    } catch {
      return ''
    }
  })
  return found.filter((path) => path.startsWith(directory) && !/cairn\.lock|LOCK$/.test(path))
}

eachPlane(
  t,
  'a snapshot behind skipped numbers is at a record that there was',
  async (t, plane) => {
    const first = memoryStorage()
    await withEnvironment('CAIRN_PLANE', 'typescript', () => died(first, 'a b c'))
    const storage = await laidDown(t, plane, first.crashClone(1))
    let map = await openTexts(storage, QUIET)
    t.equal((await map.snapshot()).position, 3)
    await map.close()
    for (let time = 1; time <= 3; time++) {
      map = await openTexts(storage, QUIET)
      t.equal(keysOf(map), 'a b c', `opening ${time}`)
      t.equal(map.recovered.damage, undefined)
      await map.close()
    }
  },
)

t.test('behind skipped numbers the journal stays for older snapshots', async (t) => {
  let storage = memoryStorage()
  let map = await openTexts(storage, QUIET)
  await map.set('a', '1')
  await map.snapshot()
  await map.set('b', '2')
  await map.sync()
  storage = storage.crashClone(1)
  map = await openTexts(storage, QUIET)
  const { file } = await map.snapshot()
  await map.close()
  map = await openTexts(storage, QUIET)
  await map.set('c', '3')
  await map.close()
  await changed(storage, file, (bytes) => {
    bytes[200]! ^= 1
  })
  map = await openTexts(storage, QUIET)
  t.equal(keysOf(map), 'a b c', 'the damaged snapshot costs nothing')
  t.match(map.recovered.damage, [{ file }])
  await map.close()
})

for (const segments of [1, 3])
  eachPlane(t, `what salvage opened opens again, ${segments} segments`, async (t, plane) => {
    const { image } = await closed(t, plane, 4 * segments, { segmentRecords: 4 })
    await changed(image, segmentName(segments), (bytes) => {
      for (let at = 60; at < 200; at += 7) bytes[at]! ^= 1
    })
    for (const crashes of [false, true]) {
      const storage = await laidDown(t, plane, image)
      const journal = await openStore(storage, SALVAGE)
      const found = await recordsOf(journal)
      t.equal(found.length, 4 * (segments - 1))
      const left = crashes ? await laidDown(t, plane, await imageOf(storage)) : storage
      await journal.close()
      for (let time = 1; time <= 2; time++) {
        const again = await openStore(left)
        t.same(await recordsOf(again), found, `opening ${time}`)
        await again.close()
      }
    }
  })

t.test('a caller whose second try throws rejects, and holds up nobody', async (t) => {
  const callers = new WaitingCallers()
  const thrown = callers.add(() => {
    throw new Error('on purpose')
  })
  const behind = callers.add(() => Promise.resolve('done'))
  callers.drain(() => false)
  t.match(await failureOf(thrown), { message: 'on purpose' })
  t.equal(await behind, 'done')
})

t.test('what a waiting caller calls in turn comes behind all who wait', async (t) => {
  const callers = new WaitingCallers()
  const order: string[] = []
  const work = (name: string, nested?: () => void) => (): Promise<void> => {
    order.push(name)
    nested?.()
    return Promise.resolve()
  }
  const call = (name: string): Promise<void> =>
    callers.isEmpty ? work(name)() : callers.add(work(name))
  const waiting = [callers.add(work('first', () => void call('nested'))), call('second')]
  callers.drain(() => false)
  await Promise.all(waiting)
  t.same(order, ['first', 'second', 'nested'])
})

eachPlane(t, 'a group that is just too large is refused at once', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane), { sync: 'never' })
  const quarter = new Uint8Array(64 * MIB)
  const refused = journal.appendAll([quarter, quarter, quarter, quarter])
  t.match(await failureOf(refused), { code: 'CAIRN_LIMIT' })
  t.equal(await journal.append('next'), 1)
  await journal.close()
})

eachPlane(t, 'close() waits for appends that wait for room', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane), { sync: 'never' })
  const large = new Uint8Array(30 * MIB)
  const appends = [large, large, large, large].map((bytes) => journal.append(bytes))
  const late = journal.close().then(() => failureOf(journal.append('late')))
  t.same(await Promise.all(appends), [1, 2, 3, 4])
  t.match(await late, { code: 'CAIRN_NOT_OPEN' })
})

t.test('a listener that throws breaks off no upkeep', async (t) => {
  const thrown: unknown[] = []
  const note = (error: unknown): void => void thrown.push(error)
  process.on('uncaughtException', note)
  t.teardown(() => process.off('uncaughtException', note))
  const storage = faultyStorage(memoryStorage())
  const map = await openTexts(storage, {
    ...{ sync: 'never', compactThreshold: 10, compactRatio: 0.1, snapshotEveryMs: 0 },
  })
  const warned = new Promise<void>((resolve) => {
    map.on('warning', () => {
      resolve()
      throw new Error('listener')
    })
  })
  storage.rule = { operation: 'create', file: /\.new$/, error: 'ENOSPC' }
  for (let i = 0; i < 40; i++) await map.set('key', String(i))
  await map.compact().catch(() => {})
  await warned
  storage.rule = undefined
  await map.close()
  t.ok(thrown.length > 0)
  const again = await openTexts(storage, {})
  t.equal(again.get('key'), '39')
  await again.close()
})

eachPlane(t, 'segments that wait for their seal keep few files open', async (t) => {
  const directory = join(scratch(t), 'store')
  const options = { sync: 'never', segmentBytes: 4096 } as const
  const journal = await openStore(diskStorage(directory), options)
  let most = 0
  for (let round = 0; round < 12; round++) {
    const appends = Array.from({ length: 50 }, () => journal.append('x'.repeat(4000)))
    await Promise.all(appends)
    if (process.platform === 'linux') most = Math.max(most, descriptorsIn(directory).length)
  }
  t.ok(most < 40, `${most} at most`)
  t.ok(journal.segments().length > 200)
  await journal.close()
})

eachPlane(t, 'read-only salvage reads over damage, and backs up none', async (t, plane) => {
  const { image, written } = await closed(t, plane, 10, { segmentRecords: 4 })
  await changed(image, segmentName(2), (bytes) => {
    bytes[bytes.indexOf('record')]! ^= 1
  })
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage, { ...SALVAGE, readOnly: true })
  const found = await recordsOf(journal)
  t.equal(found.length, 9)
  t.same(
    found,
    written.filter(([sequence]) => sequence !== 5),
  )
  const backup = journal.backup(join(scratch(t), 'copy'))
  t.match(await failureOf(backup), { code: 'CAIRN_CORRUPTION' })
  await journal.close()
})

t.test('a value that is transferred takes no other along', async (t) => {
  const bytes = await DurableMap.open<string, Buffer>('memory', { storage: 'memory' })
  await bytes.set('a', 'AAAA')
  await bytes.set('b', 'BBBB')
  const [a, b] = [bytes.get('a')!, bytes.get('b')!]
  try {
    structuredClone(a, { transfer: [a.buffer as ArrayBuffer] })
  } catch {
    // Some versions of Node refuse, others copy.
  }
  t.same([a.toString(), b.toString()], ['AAAA', 'BBBB'])
  await bytes.close()
})

eachPlane(t, 'an iterator that nobody goes on with keeps no file open', async (t) => {
  const directory = join(scratch(t), 'store')
  const journal = await openStore(diskStorage(directory))
  for (let i = 0; i < 3; i++) await journal.append(`record ${i}`)
  const iterator = journal.read()[Symbol.asyncIterator]()
  await iterator.next()
  await journal.close()
  if (process.platform === 'linux') t.same(descriptorsIn(directory), [])
  t.match(await failureOf(iterator.next()), { code: 'CAIRN_NOT_OPEN' })
})

t.test('an earlier backup that can not be read leaves no file open', onLinux, async (t) => {
  const folder = scratch(t)
  const directory = join(folder, 'store')
  const journal = await openStore(diskStorage(directory))
  await journal.append('record')
  await journal.backup(join(folder, 'one'))
  const copied = join(folder, 'one', segmentName(1))
  fs.rmSync(copied)
  fs.symlinkSync('elsewhere', copied)
  const before = descriptorsIn(directory).length
  for (const name of ['two', 'three'])
    await failureOf(journal.backup(join(folder, name), { since: join(folder, 'one') }))
  t.equal(descriptorsIn(directory).length, before)
  await journal.close()
})

t.test('payloads are what was given', async (t) => {
  const journal = await openStore(memoryStorage())
  await t.rejects(journal.append('\ud800'), TypeError)
  await t.rejects(journal.appendAll(['well', '\udc00']), TypeError)
  function* reused(): Generator<Uint8Array> {
    const bytes = new Uint8Array(1)
    for (const letter of 'abc') {
      bytes[0] = letter.charCodeAt(0)
      yield bytes
    }
  }
  await journal.appendAll(reused())
  t.same(
    (await recordsOf(journal)).map(([, text]) => text),
    ['a', 'b', 'c'],
  )
  await journal.close()
})

t.test('a close that can not cut off zeros leaves a store that opens', async (t) => {
  const storage = faultyStorage(memoryStorage())
  const journal = await openStore(storage, { sync: 'always' })
  for (let i = 0; i < 6; i++) await journal.append(`record ${i}`)
  storage.rule = { operation: 'truncate', error: 'EINTR', forGood: true }
  await journal.close()
  t.ok(storage.failures > 0, 'there were zeros')
  storage.rule = undefined
  const again = await openStore(storage)
  t.equal((await recordsOf(again)).length, 6)
  await again.close()
})

t.test('a snapshot whose name may not last is known all the same', async (t) => {
  let failed = 0
  for (let nth = 1; nth <= 6; nth++) {
    const storage = faultyStorage(memoryStorage())
    const map = await openTexts(storage, { ...QUIET, keepSnapshots: 1, keepSnapshotsMs: 0 })
    await map.set('a', '1')
    await map.snapshot()
    await map.set('b', '2')
    storage.rule = { operation: 'syncDirectory', nth, error: 'EIO' }
    await map.snapshot({ incremental: true }).catch((error: unknown) => {
      t.ok(codesOf(error).some((code) => ['CAIRN_IO', 'CAIRN_POISONED'].includes(code)))
      failed++
    })
    storage.rule = undefined
    await map.snapshot().catch(() => {})
    await map.close()
    const again = await openTexts(storage, QUIET)
    for (const { number } of await again.snapshots()) await again.restore(number, memoryStorage())
    t.equal(keysOf(again), 'a b', `sync ${nth}`)
    await again.close()
  }
  t.ok(failed > 0)
})
