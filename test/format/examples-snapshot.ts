/**
 * The worked examples of snapshot.md: what the engine reads from them, and writes again.
 */
import type { Test } from 'tap'
import { StoreHome } from '../../lib/durable/home.js'
import { SegmentFileReader } from '../../lib/durable/segments/reader.js'
import { SegmentFileWriter } from '../../lib/durable/segments/writer.js'
import { MAP_DELETE, MAP_MODIFY, MAP_SET } from '../../lib/format/map.js'
import { snapshotName } from '../../lib/format/names.js'
import { STORE_ID_BYTES, STORE_KIND_MAP } from '../../lib/format/store.js'
import { memoryStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/files.js'
import { selectPlane } from '../../lib/planes/select.js'
import { overwrite, readAll } from '../support/level.js'
import { toHex, type Check } from './documents.js'

const START = 1_767_225_600_000_000
const STORE_ID = Uint8Array.from({ length: STORE_ID_BYTES }, (_, i) => 0xa0 + i)

interface Example {
  readonly number: number
  readonly base: number
  readonly basePosition: number
  readonly position: number
  /** Behind the start, in microseconds; the seal is a microsecond younger. */
  readonly createdAt: number
  readonly records: readonly [sequence: number, time: number, payload: Uint8Array][]
}

/** A home with the id, the salts and the time of the documents. */
function withHome(
  storage: Storage,
  time: { now: number },
  use: (home: StoreHome) => Promise<void>,
) {
  const options = {
    ...{ createIfMissing: true, errorIfExists: false, readOnly: false, lockTimeoutMs: 0 },
    ...{ infoLog: false, cipher: 'auto' as const, clock: () => time.now },
    choose: () => selectPlane('typescript', { storage, cacheBytes: 1, maxOpenTables: 1 }),
    random: (count: number) =>
      count === STORE_ID_BYTES ? STORE_ID.slice() : new Uint8Array(count).fill(0x5a),
  }
  return StoreHome.open(storage, STORE_KIND_MAP, options, async (home) => {
    await use(home)
    await home.close()
  })
}

const check =
  ({ number, base, basePosition, position, createdAt, records }: Example): Check =>
  async (t: Test, bytes) => {
    const storage = memoryStorage()
    await storage.createDirectory()
    const time = { now: START + createdAt }
    const fields = {
      ...{ isSnapshot: true, flags: 0, number, previousNumber: base, reservedSequence: 0 },
      ...{ firstSequence: basePosition + 1, previousSequence: basePosition },
      ...{ lastSequence: position, createdAt: time.now },
    }
    await withHome(storage, time, async (home) => {
      const name = snapshotName(number)
      await overwrite(storage, name, bytes)
      const reader = await SegmentFileReader.open(home, name)
      t.match(reader.header, fields)
      const found: [number, number, string][] = []
      const sink = (sequence: number, at: number, body: Uint8Array, start: number, end: number) =>
        void found.push([sequence, at - START, toHex(body.subarray(start, end))])
      while (await reader.next(sink));
      t.same(
        found,
        records.map(([sequence, at, payload]) => [sequence, at, toHex(payload)]),
      )
      t.match(reader, { seal: { records: records.length }, bad: undefined })
      await reader.close()
      const writer = await SegmentFileWriter.create(home, name, fields)
      for (const [sequence, at, payload] of records)
        await writer.add(sequence, START + at, payload, 0, payload.length)
      time.now++
      await writer.finish()
      await writer.publish()
      t.equal(toHex(await readAll(storage, name)), toHex(bytes))
    })
  }

const payload = (operation: number, key: string, value = ''): Uint8Array =>
  Uint8Array.of(operation, key.length, ...Buffer.from(key + value))

export const SNAPSHOT: Record<string, Check> = {
  'snapshot-full': check({
    ...{ number: 1, base: 0, basePosition: 0, position: 7, createdAt: 10 },
    records: [
      [5, 3, payload(MAP_SET, 'k', 'v1')],
      [2, 1, payload(MAP_SET, 'j')],
    ],
  }),
  'snapshot-incremental': check({
    ...{ number: 2, base: 1, basePosition: 7, position: 9, createdAt: 20 },
    records: [
      [8, 15, payload(MAP_MODIFY, 'k', 'v2')],
      [9, 16, payload(MAP_DELETE, 'j')],
    ],
  }),
}
