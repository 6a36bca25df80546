/**
 * Encrypted journals for tests: opened on a storage, filled, read back, and looked into frame by
 * frame as somebody without the key could.
 */
import { crc32c } from '../../lib/checksum/crc32c.js'
import { StoreHome } from '../../lib/durable/home.js'
import { DurableJournal } from '../../lib/durable/journal.js'
import type { RandomBytes } from '../../lib/durable/keys.js'
import type { JournalSetup, RecoveryMode, SyncMode } from '../../lib/durable/options.js'
import { rekey } from '../../lib/durable/rekey.js'
import type { Secret } from '../../lib/durable/secret.js'
import type { CipherName } from '../../lib/format/cipher.js'
import { DIRECTORY_WAL } from '../../lib/format/names.js'
import {
  SEGMENT_SALT_BYTES,
  decodeSegmentHeader,
  type SegmentHeader,
} from '../../lib/format/segment.js'
import { STORE_KIND_JOURNAL, STORE_KIND_MAP } from '../../lib/format/store.js'
import type { Storage } from '../../lib/io/files.js'
import { openJournal as openReader } from '../../lib/journal/reader.js'
import { createJournal as createWriter } from '../../lib/journal/writer.js'
import type { JournalRecord } from '../../lib/plane.js'
import { selectPlane } from '../../lib/planes/select.js'
import type { PlaneName } from '../support/planes.js'

export interface JournalChanges {
  /** A journal store unless it is another one's. */
  readonly kind?: number
  readonly secret?: Secret | undefined
  readonly plane?: PlaneName
  readonly cipher?: CipherName | 'auto'
  readonly sync?: SyncMode
  readonly segmentBytes?: number
  readonly batchRecords?: number
  readonly recovery?: RecoveryMode
  readonly random?: RandomBytes
  readonly clock?: () => number
  readonly infoLog?: boolean
}

export interface OpenJournal {
  readonly home: StoreHome
  readonly journal: DurableJournal
  /** Settles as the sync mode says. */
  append(payload: Uint8Array | string): Promise<void>
  close(): Promise<void>
}

const choose =
  (name: PlaneName | 'auto') =>
  (storage: Storage): ReturnType<typeof selectPlane> =>
    selectPlane(name, { storage, cacheBytes: 1 << 20, maxOpenTables: 100 })

/** Opens a journal, or makes one. */
export function openJournal(storage: Storage, changes: JournalChanges = {}): Promise<OpenJournal> {
  const { secret, plane = 'auto', cipher = 'auto', random, clock, infoLog = false } = changes
  const options = {
    ...{ createIfMissing: true, errorIfExists: false, readOnly: false, lockTimeoutMs: 0 },
    ...{ infoLog, choose: choose(plane), secret, cipher, random, clock },
  }
  const kind = changes.kind ?? STORE_KIND_JOURNAL
  return StoreHome.open(storage, kind, options, async (home) => {
    const journal = await DurableJournal.open(setupOf(home, changes))
    return {
      home,
      journal,
      append(payload) {
        const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
        const slot = journal.reserve(bytes.length)
        slot.bytes.set(bytes, slot.at)
        return slot.settled
      },
      async close() {
        await journal.close()
        await home.close()
      },
    }
  })
}

function setupOf(home: StoreHome, changes: JournalChanges): JournalSetup {
  return {
    home,
    folder: home.identity.kind === STORE_KIND_MAP ? DIRECTORY_WAL : '',
    sync: changes.sync ?? 'always',
    syncIntervalMs: 1000,
    segmentBytes: changes.segmentBytes ?? 64 << 20,
    segmentRecords: 100_000,
    segmentAgeMs: 3_600_000,
    batchRecords: changes.batchRecords ?? 100,
    batchBytes: 1 << 20,
    recovery: changes.recovery ?? 'strict',
  }
}

/** Payloads by sequence, as text; what opening rejected with when it does. */
export async function recordsOf(
  storage: Storage,
  changes: JournalChanges,
): Promise<Record<number, string> | { code: string; file?: string }> {
  let opened: OpenJournal
  try {
    opened = await openJournal(storage, changes)
  } catch (error) {
    const { code, file } = error as { code?: string; file?: string }
    if (code === undefined) throw error
    return { code, ...(file !== undefined && { file }) }
  }
  const { journal } = opened
  try {
    const found: Record<number, string> = {}
    for await (const { sequence, payload } of journal.read(1, journal.lastSequence))
      found[sequence] = Buffer.from(payload).toString()
    return found
  } finally {
    await opened.close()
  }
}

export interface RekeyChanges {
  readonly deep: boolean
  readonly kind?: number
  readonly plane?: PlaneName
  readonly random?: RandomBytes
}

export function rekeyJournal(
  storage: Storage,
  from: Secret,
  to: Secret,
  { deep, kind = STORE_KIND_JOURNAL, plane, random }: RekeyChanges,
): Promise<void> {
  const options = { choose: choose(plane ?? 'auto'), lockTimeoutMs: 0, infoLog: false, random }
  return rekey(storage, kind, { from, to, deep, ...options })
}

/** Where the salt stands in a header. */
const SALT_AT = 92

/** A file without the key: its header and its records, which are whole frames. */
export interface Frames {
  readonly header: SegmentHeader
  readonly records: readonly Uint8Array[]
}

/** Undefined for a file that does not begin with a header. */
export async function framesOf(storage: Storage, name: string): Promise<Frames | undefined> {
  const reader = await openReader(storage, name)
  try {
    const first = await reader.next()
    if (first === undefined) return undefined
    const header = decodeSegmentHeader(first.bytes)
    reader.resume(first.end, crc32c(header.salt))
    const records: Uint8Array[] = []
    for (let record: JournalRecord | undefined = first; record; record = await reader.next())
      records.push(new Uint8Array(record.bytes))
    return { header, records }
  } finally {
    await reader.close()
  }
}

/** Writes records as a file, framed with the right checksums: the first one is its header. */
export async function writeFrames(
  storage: Storage,
  name: string,
  [header, ...records]: readonly Uint8Array[],
): Promise<void> {
  await storage.remove(name)
  const writer = await createWriter(storage, name)
  try {
    writer.append(header!)
    writer.reseed(crc32c(header!.subarray(SALT_AT, SALT_AT + SEGMENT_SALT_BYTES)))
    for (const record of records) writer.append(record)
    await writer.sync()
  } finally {
    await writer.close()
  }
}
