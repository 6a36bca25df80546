/**
 * The journal as its users see it: append, read, trim, sync, close, and what is refused.
 */
import t from 'tap'
import { Journal, StoreError } from '../../lib/stores/journal/index.js'
import { eachPlane, freshStorage } from '../support/planes.js'
import { SMALL, failureOf, fill, openStore, recordsOf } from '../support/journal.js'

eachPlane(t, 'records come back in order, with their sequences and times', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  t.equal(journal.firstSequence, 1)
  t.equal(journal.lastSequence, 0)
  t.same(await recordsOf(journal), [])
  const before = Date.now() * 1000
  t.equal(await journal.append('one'), 1)
  t.equal(await journal.append(Buffer.from('two')), 2)
  t.equal(await journal.append(''), 3)
  t.equal(await journal.appendAll(['four', new Uint8Array([53]), 'sechs ü']), 4)
  t.equal(journal.lastSequence, 6)
  const expected = [
    [1, 'one'],
    [2, 'two'],
    [3, ''],
    [4, 'four'],
    [5, '5'],
    [6, 'sechs ü'],
  ]
  t.same(await recordsOf(journal), expected)
  t.same(await recordsOf(journal, { from: 2, to: 4 }), expected.slice(1, 4))
  t.same(await recordsOf(journal, { from: 7 }), [])
  for await (const { time } of journal.read()) {
    t.ok(Number.isInteger(time))
    t.ok(time > before - 1e6 && time < Date.now() * 1000 + 1e6, 'microseconds')
  }
  await journal.close()
  await journal.close()
  const again = await openStore(storage)
  t.same(again.recovered, { records: 6 })
  t.same(await recordsOf(again), expected)
  t.equal(await again.append('seven'), 7)
  await again.close()
})

eachPlane(t, 'concurrent appends share a write and a sync', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane))
  await journal.append('first')
  journal.resetStats()
  const sequences = await Promise.all(Array.from({ length: 100 }, (_, i) => journal.append(`${i}`)))
  t.same(
    sequences,
    Array.from({ length: 100 }, (_, i) => i + 2),
  )
  t.match(journal.stats(), { records: 100, groups: 1, syncs: 1 })
  journal.resetStats()
  await Promise.all(Array.from({ length: 250 }, (_, i) => journal.append(`${i}`)))
  t.match(journal.stats(), { records: 250, groups: 3, syncs: 1 }, 'full groups share a sync too')
  await journal.close()
})

eachPlane(t, 'a lone append does not wait for a group to fill', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane), { batchRecords: 1_000_000 })
  t.equal(await journal.append('alone'), 1)
  t.match(journal.stats(), { records: 1, groups: 1 })
  await journal.close()
})

eachPlane(t, 'the caller may change its bytes as soon as append returns', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane))
  const bytes = Buffer.from('before')
  const appended = journal.append(bytes)
  const all = journal.appendAll([bytes, bytes])
  bytes.write('behind')
  await appended
  await all
  t.same(
    (await recordsOf(journal)).map(([, text]) => text),
    ['before', 'before', 'before'],
  )
  for await (const { payload } of journal.read()) {
    t.equal(payload.toString(), 'before', 'each payload is a copy of its own')
    new Uint8Array(payload.buffer, payload.byteOffset, payload.length).fill(0)
  }
  await journal.close()
})

eachPlane(
  t,
  'a reader sees what was settled at its call, while others append',
  async (t, plane) => {
    const journal = await openStore(freshStorage(t, plane), SMALL)
    const written = await fill(journal, 100)
    const records = journal.read()
    const more = fill(journal, 100, 'later')
    const found = []
    for await (const { sequence, payload } of records)
      found.push([sequence, Buffer.from(payload).toString()])
    t.same(found, written)
    const all = [...written, ...(await more)]
    t.same(await recordsOf(journal), all)
    t.ok(journal.segments().length > 2)
    await journal.close()
  },
)

eachPlane(t, 'trim deletes whole segments, oldest first, never the newest', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage, SMALL)
  const written = await fill(journal, 300)
  const segments = journal.segments()
  t.equal(await journal.trim(1), 0)
  const third = segments[2]!
  t.equal(await journal.trim(third.firstSequence + 1), 2)
  t.equal(journal.firstSequence, third.firstSequence)
  const left = written.filter(([sequence]) => sequence >= third.firstSequence)
  t.same(await recordsOf(journal), left)
  t.match(await failureOf(recordsOf(journal, { from: 1 })), { code: 'CAIRN_MISSING' })
  t.equal(await journal.trim(Number.MAX_SAFE_INTEGER), segments.length - 3)
  t.equal(journal.segments().length, 1)
  await journal.close()
  const again = await openStore(storage, SMALL)
  t.equal(again.lastSequence, 300)
  t.equal(await again.trim(301), 0, 'the newest segment stays')
  t.equal(await again.append('next'), 301)
  await again.close()
})

eachPlane(t, 'a reader overtaken by trim is told so', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane), SMALL)
  await fill(journal, 200)
  const records = journal.read()[Symbol.asyncIterator]()
  t.same((await records.next()).value?.sequence, 1)
  await journal.trim(200)
  const rest = (async () => {
    while (!(await records.next()).done);
  })()
  t.match(await failureOf(rest), { code: 'CAIRN_MISSING' })
  await journal.close()
})

eachPlane(t, 'segments end by bytes, by records and by age', async (t, plane) => {
  const bytes = await openStore(freshStorage(t, plane), SMALL)
  await fill(bytes, 200)
  const sizes = bytes.segments().map((segment) => segment.bytes)
  t.ok(sizes.length > 2 && sizes.every((size) => size <= 4096 + 100), sizes.join(' '))
  t.equal(await bytes.append(Buffer.alloc(10_000)), 201, 'one record, however large')
  await bytes.append('behind')
  t.same(
    bytes.segments().at(-2)?.records,
    1,
    'a segment takes one record even when that is larger than segmentBytes',
  )
  await bytes.close()
  const records = await openStore(freshStorage(t, plane), { segmentRecords: 10 })
  await Promise.all(Array.from({ length: 95 }, (_, i) => records.append(`${i}`)))
  t.same(
    records.segments().map((segment) => segment.records),
    [10, 10, 10, 10, 10, 10, 10, 10, 10, 5],
  )
  await records.rotate()
  t.equal(records.segments().length, 10, 'no segment before its first record')
  t.ok(records.segments().every(({ sealed }) => sealed))
  await records.append('new')
  t.match(records.segments().at(-1), { records: 1, firstSequence: 96, lastSequence: 96 })
  await records.close()
})

eachPlane(t, 'wrong arguments are refused, and nothing changes', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  await journal.append('one')
  for (const payload of [undefined, null, 1, {}, [], new ArrayBuffer(1)])
    await t.rejects(journal.append(payload as never), TypeError)
  await t.rejects(journal.appendAll('text' as never), TypeError)
  await t.rejects(journal.appendAll([1] as never), TypeError)
  await t.rejects(journal.appendAll([]), RangeError)
  for (const before of [0, -1, 1.5, NaN]) await t.rejects(journal.trim(before), RangeError)
  await t.rejects(journal.trim('1' as never), TypeError)
  await t.rejects(recordsOf(journal, { from: 0 }), RangeError)
  await t.rejects(recordsOf(journal, { to: 'x' as never }), TypeError)
  const large = new Uint8Array(64 * 1024 * 1024 + 1)
  t.match(await failureOf(journal.append(large)), { code: 'CAIRN_LIMIT' })
  t.match(await failureOf(journal.appendAll(['a', large])), { code: 'CAIRN_LIMIT' })
  t.match(await failureOf(journal.appendAll(Array(5).fill(large.subarray(1)))), {
    code: 'CAIRN_LIMIT',
  })
  t.equal(await journal.append('two'), 2, 'no sequence was lost')
  t.same(await recordsOf(journal), [
    [1, 'one'],
    [2, 'two'],
  ])
  await journal.close()
})

t.test('wrong options are refused by name', async (t) => {
  const wrong: [object, typeof TypeError | typeof RangeError][] = [
    [{ sync: 'sometimes' }, RangeError],
    [{ sync: true }, TypeError],
    [{ syncIntervalMs: 0 }, RangeError],
    [{ segmentBytes: 0 }, RangeError],
    [{ segmentBytes: '64' }, TypeError],
    [{ segmentRecords: 0 }, RangeError],
    [{ segmentAgeMs: -1 }, RangeError],
    [{ batchRecords: 0 }, RangeError],
    [{ batchBytes: 2 ** 40 }, RangeError],
    [{ recovery: 'prefix' }, RangeError],
    [{ onDrop: 1 }, TypeError],
    [{ cipher: 'rot13' }, RangeError],
    [{ key: new Uint8Array(31) }, RangeError],
    [{ key: 'secret' }, TypeError],
    [{ passphrase: 'short' }, RangeError],
    [{ key: new Uint8Array(32), passphrase: 'long enough' }, TypeError],
    [{ storage: 'tape' }, RangeError],
    [{ plane: 'paper' }, RangeError],
    [{ createIfMissing: 1 }, TypeError],
  ]
  for (const [options, Wrong] of wrong)
    await t.rejects(
      Journal.open('nowhere', { storage: 'memory', ...options } as never),
      Wrong,
      JSON.stringify(options),
    )
  await t.rejects(Journal.open(''), TypeError)
})

eachPlane(t, 'a payload of 64 MiB goes in and out', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  const large = Buffer.alloc(64 * 1024 * 1024, 'large ')
  const appended = journal.append(large)
  t.equal(await journal.append('behind'), 2)
  t.equal(await appended, 1)
  await journal.close()
  const again = await openStore(storage)
  for await (const { payload } of again.read({ to: 1 })) t.ok(large.equals(payload))
  await again.close()
})

eachPlane(t, 'after close nothing is taken, and close leaves nothing', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage)
  const appended = journal.append('one')
  const closed = journal.close()
  for (const refused of [
    journal.append('two'),
    journal.appendAll(['two']),
    journal.sync(),
    journal.rotate(),
    journal.trim(1),
    journal.verify(),
    recordsOf(journal),
  ])
    t.match(await failureOf(refused), { code: 'CAIRN_NOT_OPEN' })
  t.equal(await appended, 1, 'what was under way settles')
  await closed
  const again = await openStore(storage)
  t.same(await recordsOf(again), [[1, 'one']])
  await again[Symbol.asyncDispose]()
  const readOnly = await openStore(storage, { readOnly: true })
  const other = await openStore(storage, { readOnly: true })
  t.same(await recordsOf(readOnly), [[1, 'one']])
  t.match(await failureOf(readOnly.append('no')), { code: 'CAIRN_READ_ONLY' })
  t.match(await failureOf(openStore(storage)), { code: 'CAIRN_LOCKED' })
  await readOnly.close()
  await other.close()
})

eachPlane(t, 'opening heeds createIfMissing, errorIfExists and readOnly', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const missing = await failureOf(openStore(storage, { createIfMissing: false }))
  t.match(missing, { code: 'CAIRN_MISSING' })
  t.match(await failureOf(openStore(storage, { readOnly: true })), { code: 'CAIRN_MISSING' })
  t.notOk(await storage.exists(), 'nothing was made')
  await (await openStore(storage)).close()
  const exists = await failureOf(openStore(storage, { errorIfExists: true }))
  t.match(exists, { code: 'CAIRN_EXISTS' })
  t.ok(exists instanceof StoreError)
})

eachPlane(t, 'reading goes on when the zeros ahead are cut away', async (t, plane) => {
  const journal = await openStore(freshStorage(t, plane), { sync: 'always' })
  // More than a reader holds at a time.
  const payloads = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(10_000, '.'))
  for (const payload of payloads) await journal.append(payload)
  const reading = journal.read()[Symbol.asyncIterator]()
  const found = [(await reading.next()).value?.payload.toString()]
  const [report] = await Promise.all([journal.verify(), journal.rotate()])
  t.same(report.damage, [])
  for (let next; !(next = await reading.next()).done;) found.push(next.value.payload.toString())
  t.ok(found.length === 40 && found.every((payload, i) => payload === payloads[i]))
  await journal.close()
})
