/**
 * What others got wrong about journals, each by its own name: the journal does not.
 */
import t from 'tap'
import { maskCrc } from '../../lib/format/checksum.js'
import { putFixed32 } from '../../lib/format/coding.js'
import { FILE_SEAL, parseFileName, segmentName } from '../../lib/format/names.js'
import { decodeSegmentHeader } from '../../lib/format/segment.js'
import { memoryStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import { crc32c } from '../../lib/checksum/crc32c.js'
import { faultyStorage } from '../support/faulty.js'
import { bytesOf, overwrite, readAll } from '../support/level.js'
import { eachPlane, freshStorage, imageOf, laidDown } from '../support/planes.js'
import {
  changed,
  closed,
  failureOf,
  fill,
  killed,
  openStore,
  recordsOf,
  segmentsOf,
  type Found,
} from '../support/journal.js'

const HEADER_AT = 7

eachPlane(
  t,
  'segments are replayed by number, not in the order of the directory',
  async (t, plane) => {
    const { image, written } = await closed(t, plane, 600)
    const names = await segmentsOf(image)
    t.ok(names.length > 4)
    const storage = await laidDown(t, plane, image)
    const list = storage.list.bind(storage)
    storage.list = async (...args) =>
      (await list(...args)).sort((a, b) => b.name.localeCompare(a.name))
    const journal = await openStore(storage)
    t.same(await recordsOf(journal), written)
    t.same(
      journal.segments().map(({ file }) => file),
      names,
    )
    await journal.close()
  },
)

eachPlane(t, 'a changed digit is never read: 1000 does not become 9000', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  await journal.append('balance 1000')
  await journal.close()
  const image = await imageOf(storage)
  await changed(image, segmentName(1), (bytes) => {
    bytes[bytes.indexOf('1000')] = '9'.charCodeAt(0)
  })
  const refused = await failureOf(openStore(await laidDown(t, plane, image)))
  t.match(refused, { code: 'CAIRN_CORRUPTION', file: segmentName(1) })
})

eachPlane(t, 'nothing is appended behind a torn tail', async (t, plane) => {
  const { image, written } = await killed(t, plane, 20, {})
  const [name] = await segmentsOf(image)
  await changed(image, name!, (bytes) => {
    const end = bytes.findLastIndex((byte) => byte !== 0)
    return bytes.subarray(0, end - 3)
  })
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage)
  t.match(journal.recovered, { records: 19, torn: { file: name } })
  t.same(await recordsOf(journal), written.slice(0, 19))
  const later = await fill(journal, 5, 'later')
  t.equal(later[0]![0], 20, 'what was not settled is not there, so its number is free')
  const again = await openStore(await laidDown(t, plane, await imageOf(storage)))
  t.same(again.recovered, { records: 24 })
  t.same(await recordsOf(again), [...written.slice(0, 19), ...later])
  await again.close()
  await journal.close()
})

eachPlane(t, 'a torn tail is told once, as an event too', async (t, plane) => {
  const { image } = await killed(t, plane, 5, {})
  const [name] = await segmentsOf(image)
  await changed(image, name!, (bytes) => bytes.subarray(0, bytes.findLastIndex((b) => b !== 0) - 1))
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage)
  const told = await new Promise((resolve) => journal.once('recovered', resolve))
  t.equal(told, journal.recovered)
  await journal.close()
  const again = await openStore(storage)
  t.equal(again.recovered.torn, undefined)
  await again.close()
})

eachPlane(t, 'no restart gives a segment number or a sequence again', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const numbers = new Set<number>()
  let expected = 1
  let image = await imageOf(await made(storage))
  for (let round = 0; round < 12; round++) {
    const place = await laidDown(t, plane, image)
    const journal = await openStore(place)
    t.equal(await journal.append(`round ${round}`), expected++)
    const { number } = journal.segments().at(-1)!
    t.notOk(numbers.has(number), `segment ${number}`)
    numbers.add(number)
    if (round % 3 === 0) await journal.close()
    image = await imageOf(place)
    if (round % 3 === 1) await tear(image)
    if (round % 3 === 1) expected--
    await journal.close()
  }
})

async function made(storage: Storage): Promise<Storage> {
  await (await openStore(storage)).close()
  return storage
}

/** Takes the newest segment that holds anything away, but for its first bytes. */
async function tear(image: Storage): Promise<void> {
  for (const name of (await segmentsOf(image)).reverse()) {
    const bytes = await readAll(image, name)
    if (bytes.length === 0) continue
    await overwrite(image, name, bytes.subarray(0, 90))
    return
  }
}

eachPlane(t, 'sync modes that ack early skip the sequences that may be lost', async (t, plane) => {
  for (const sync of ['interval', 'never'] as const) {
    const storage = freshStorage(t, plane)
    const journal = await openStore(storage, { sync, syncIntervalMs: 2 ** 30 })
    await fill(journal, 10)
    const image = await imageOf(storage)
    await journal.close()
    const [name] = await segmentsOf(image)
    // Power went with all but the header, which is synced before the first acknowledgement.
    await changed(image, name!, (bytes) => bytes.subarray(0, HEADER_AT + 140))
    const again = await openStore(await laidDown(t, plane, image))
    t.same(again.recovered, { records: 0 })
    t.equal(again.lastSequence, 0)
    const next = await again.append('next')
    t.ok(next > 1_000_000, `${sync}: ${next}`)
    await again.close()
    const closedWell = await openStore(storage)
    t.equal(await closedWell.append('next'), 11, 'a clean close skips none')
    await closedWell.close()
  }
})

t.test('the interval really syncs, without being asked', async (t) => {
  const storage = memoryStorage()
  const journal = await openStore(storage, { sync: 'interval', syncIntervalMs: 1 })
  await journal.append('first')
  const synced = new Promise<void>((resolve) => {
    storage.onOperation = (_, what) => {
      // The operation itself comes behind this call.
      if (what.startsWith('sync 0')) setImmediate(resolve)
    }
  })
  const text = 'never synced by hand'
  const sequence = await journal.append(text)
  // An unref'd timer does not keep the test alive.
  const alive = setInterval(() => {}, 1000)
  await synced
  clearInterval(alive)
  storage.onOperation = undefined
  const again = await openStore(storage.crashClone(0))
  t.same(await recordsOf(again, { from: sequence }), [[sequence, text]])
  t.ok(journal.stats().syncs > 0)
  await again.close()
  await journal.close()
})

t.test('acknowledged in every mode is written; sync() makes it last', async (t) => {
  for (const sync of ['always', 'interval', 'never'] as const) {
    const storage = memoryStorage()
    const journal = await openStore(storage, { sync, syncIntervalMs: 2 ** 30 })
    const written = await fill(journal, 30)
    const process = await openStore(storage.crashClone(1))
    t.same(await recordsOf(process), written, `${sync}: survives the process`)
    await process.close()
    await journal.sync()
    const power = await openStore(storage.crashClone(0))
    t.same(await recordsOf(power), written, `${sync}: survives power after sync()`)
    await power.close()
    await journal.close()
  }
})

eachPlane(t, 'an empty segment does not block the start', async (t, plane) => {
  const { image, written } = await killed(t, plane, 20, {})
  const numbers = (await image.list('segment')).map(({ number }) => number)
  const newest = Math.max(...numbers)
  for (const [i, bytes] of [0, 10_000].entries())
    await overwrite(image, segmentName(newest + 1 + i), new Uint8Array(bytes))
  const storage = await laidDown(t, plane, image)
  const journal = await openStore(storage)
  t.same(journal.recovered, { records: 20 })
  t.same(await recordsOf(journal), written)
  t.equal(await journal.append('next'), 21)
  t.equal(journal.segments().at(-1)?.number, newest + 3)
  await journal.close()
  const again = await openStore(storage)
  t.equal((await recordsOf(again)).length, 21)
  await again.close()
})

eachPlane(
  t,
  'one flipped bit in a finished segment is damage, not a torn tail',
  async (t, plane) => {
    const { image, written } = await closed(t, plane, 150)
    const names = await segmentsOf(image)
    t.ok(names.length > 2)
    for (const name of [names[0]!, names.at(-1)!]) {
      const { length } = await readAll(image, name)
      for (let at = 0; at < length; at += 97) {
        const copy = image.kind === 'memory' ? await imageOf(image) : image
        await changed(copy, name, (bytes) => {
          bytes[at]! ^= 1 << (at & 7)
        })
        const place = await laidDown(t, plane, copy)
        const before = await bytesOf(place)
        const refused = await failureOf(openStore(place))
        t.match(refused, { code: 'CAIRN_CORRUPTION', file: name }, `byte ${at} of ${name}`)
        t.same(await bytesOf(place), before, 'nothing changed')
      }
    }
    const journal = await openStore(await laidDown(t, plane, image))
    t.same(await recordsOf(journal), written)
    await journal.close()
  },
)

eachPlane(t, 'a closed journal that was cut, even between records, is damage', async (t, plane) => {
  const { image } = await closed(t, plane, 30, {})
  const [name] = await segmentsOf(image)
  const { length } = await readAll(image, name!)
  for (let size = 0; size < length; size += 53) {
    const copy = await imageOf(image)
    await changed(copy, name!, (bytes) => bytes.subarray(0, size))
    t.match(
      await failureOf(openStore(await laidDown(t, plane, copy))),
      { code: 'CAIRN_CORRUPTION', file: name },
      `${size} bytes`,
    )
  }
})

eachPlane(t, 'a missing segment in the middle is damage', async (t, plane) => {
  const { image } = await killed(t, plane, 200)
  const names = await segmentsOf(image)
  await image.remove(names[1]!)
  const refused = await failureOf(openStore(await laidDown(t, plane, image)))
  t.match(refused, { code: 'CAIRN_CORRUPTION', file: names[1] })
})

eachPlane(t, 'lengths are not believed before the checksum', async (t, plane) => {
  const { image } = await closed(t, plane, 3, {})
  const [name] = await segmentsOf(image)
  const header = decodeSegmentHeader(
    (await readAll(image, name!)).subarray(HEADER_AT, HEADER_AT + 140),
  )
  const seed = crc32c(header.salt)
  // A group that says it has 2^32 - 1 records, and one whose payload says it has 64 MiB.
  for (const [at, value] of [
    [8, 0xffffffff],
    [25, 0x1fffffff],
  ] as const) {
    const copy = await imageOf(image)
    await changed(copy, name!, (bytes) => {
      const frame = bytes.subarray(HEADER_AT + 140)
      putFixed32(frame, 7 + at, value)
      const length = frame.readUInt16LE(4)
      putFixed32(frame, 0, maskCrc(crc32c(frame.subarray(6, 7 + length), seed)))
    })
    const before = process.memoryUsage().arrayBuffers
    t.match(await failureOf(openStore(await laidDown(t, plane, copy))), {
      code: 'CAIRN_CORRUPTION',
    })
    t.ok(process.memoryUsage().arrayBuffers - before < 32 * 1024 * 1024)
  }
})

t.test('after one failed sync nothing is acknowledged, and nothing that was is lost', async (t) => {
  for (const operation of ['sync', 'write'] as const)
    for (let nth = 1; nth <= 6; nth++) {
      const inner = memoryStorage()
      const storage = faultyStorage(inner)
      const journal = await openStore(storage, { sync: 'always' })
      const acked = await fill(journal, 3)
      const warned = new Promise((resolve) => journal.once('warning', resolve))
      storage.rule = { operation, file: /journal$/, nth }
      const results: Promise<Found | undefined>[] = []
      for (let i = 0; i < 10; i++) {
        const text = `attempt ${i}`
        const result = journal.append(text).then(
          (sequence): Found => [sequence, text],
          () => undefined,
        )
        results.push(result)
        await result
      }
      const settled = await Promise.all(results)
      const firstFailure = settled.indexOf(undefined)
      if (storage.failures === 0 || firstFailure < 0) {
        t.equal(operation, 'write', 'zeros may fail unseen')
      } else {
        t.ok(
          settled.slice(firstFailure).every((each) => each === undefined),
          'fail-stop',
        )
        await warned
        t.match(await failureOf(journal.append('more')), { code: 'CAIRN_POISONED' })
        t.match(await failureOf(journal.sync()), { code: 'CAIRN_POISONED' })
        t.match(journal.stats(), { lastError: Error })
        const all = settled.filter((each) => each !== undefined)
        t.same(await recordsOf(journal), [...acked, ...all], 'reads go on')
      }
      const syncs = storage.calls.sync
      await journal.close()
      if (operation === 'sync') t.equal(storage.calls.sync, syncs, 'never tried again')
      storage.rule = undefined
      const again = await openStore(inner.crashClone(0))
      const found = await recordsOf(again)
      const promised = [...acked, ...settled.filter((each) => each !== undefined)]
      t.same(found.slice(0, promised.length), promised)
      await again.close()
    }
})

t.test('a sync that failed behind everybody’s back stops all writing, and is told', async (t) => {
  const storage = faultyStorage(memoryStorage())
  const journal = await openStore(storage, { sync: 'never', segmentRecords: 1 })
  const warned = new Promise((resolve) => journal.once('warning', resolve))
  await journal.append('one')
  storage.rule = { operation: 'sync', file: /00000001/ }
  await journal.append('two')
  t.match(await warned, { code: 'CAIRN_IO', file: segmentName(1) })
  t.match(await failureOf(journal.append('three')), { code: 'CAIRN_POISONED' })
  t.same(await recordsOf(journal), [
    [1, 'one'],
    [2, 'two'],
  ])
  await journal.close()
})

t.test('a segment that could not be created ahead is created when it is needed', async (t) => {
  const storage = faultyStorage(memoryStorage(), { operation: 'create', file: /00000002/ })
  const journal = await openStore(storage, { segmentRecords: 1 })
  await journal.append('one')
  await journal.append('two')
  t.equal(storage.failures, 1)
  t.same(
    journal.segments().map(({ number }) => number),
    [1, 3],
  )
  await journal.close()
  const again = await openStore(storage)
  t.same(again.recovered, { records: 2 })
  await again.close()
})

eachPlane(t, 'read-only opening changes nothing, whatever it finds', async (t, plane) => {
  const { image, written } = await killed(t, plane, 100)
  const newest = (await segmentsOf(image)).at(-2)!
  await changed(image, newest, (bytes) =>
    bytes.subarray(0, bytes.findLastIndex((b) => b !== 0) - 3),
  )
  const storage = await laidDown(t, plane, image)
  const before = await bytesOf(storage)
  const journal = await openStore(storage, { readOnly: true })
  t.match(journal.recovered, { records: 99, torn: { file: newest } })
  t.same(await recordsOf(journal), written.slice(0, 99))
  t.match(await journal.verify(), { ok: true })
  await journal.close()
  t.same(await bytesOf(storage), before)
})

eachPlane(t, 'a seal is gone before a newer segment is there', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  await fill(journal, 3)
  await journal.close()
  t.ok((await storage.list('seal')).some(({ name }) => name === FILE_SEAL))
  const again = await openStore(storage)
  t.ok((await storage.list('seal')).length, 'opening alone takes nothing back')
  await again.append('more')
  t.same(await storage.list('seal'), [])
  t.ok((await segmentsOf(storage)).every((name) => parseFileName(name).kind === 'segment'))
  await again.close()
})
