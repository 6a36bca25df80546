/**
 * CAIRN-STORE: whether a directory is a store of the wanted kind, a new one, or refused.
 *
 * Judging changes nothing. Making writes the identity before anything else stands there. Salvage
 * takes an identity that is lost from the headers of segments and snapshots, which all repeat it.
 * Format: docs/format/store.md. Decides: new, ours, or which error.
 */
import { keepAside } from '../commit/aside.js'
import type { Damage } from '../commit/told.js'
import { corruption, StoreError } from '../errors.js'
import { maskCrc } from '../format/checksum.js'
import { FormatError, VersionError, fixed32, putFixed32 } from '../format/coding.js'
import {
  DIRECTORY_DAMAGED,
  DIRECTORY_SNAPSHOTS,
  DIRECTORY_WAL,
  FILE_STORE,
} from '../format/names.js'
import {
  STORE_BYTES,
  STORE_KIND_JOURNAL,
  STORE_KIND_MAP,
  decodeIdentityBody,
  encodeIdentityBody,
  type StoreIdentity,
} from '../format/store.js'
import { decodeSegmentHeader, type SegmentHeader } from '../format/segment.js'
import type { FileEntry, Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { readWhole, writeWhole } from '../commit/file.js'
import { readFramedHeader, wholeHeader } from './segments/header.js'

const KIND_NAMES: Readonly<Record<number, string>> = {
  [STORE_KIND_JOURNAL]: 'a journal store',
  [STORE_KIND_MAP]: 'a map store',
}
const FOLDERS = [DIRECTORY_DAMAGED, DIRECTORY_SNAPSHOTS, DIRECTORY_WAL]
/** What only a key-value store has. */
const LEVEL_KINDS: readonly FileEntry['kind'][] = ['journal', 'table', 'manifest', 'current']

export interface FoundIdentity {
  readonly identity: StoreIdentity
  /** What was wrong with CAIRN-STORE, where salvage found the identity elsewhere. */
  readonly damage?: Damage
}

/** The identity of a store of this kind; undefined when the directory is new or half-made. */
export async function findIdentity(
  storage: Storage,
  plane: DataPlane,
  kind: number,
  salvage: boolean,
): Promise<FoundIdentity | undefined> {
  const bytes = await readWhole(storage, FILE_STORE, STORE_BYTES + 1)
  try {
    if (bytes !== undefined)
      return { identity: ofKind(kind, decodeIdentity(plane, bytes), storage) }
    await refuseUnlessNew(storage)
    return undefined
  } catch (error) {
    if (!salvage || !(error instanceof StoreError) || error.code !== 'CAIRN_CORRUPTION') throw error
    const identity = await repeatedIdentity(storage, plane)
    if (identity === undefined) throw error
    const [offset, reason] = [error.offset ?? 0, error.message]
    const damage = { file: FILE_STORE, offset, bytes: bytes?.length ?? 0, reason }
    return { identity: ofKind(kind, identity, storage), damage }
  }
}

/** Puts what salvage found in the place of what was lost, which is kept aside. */
export async function replaceIdentity(
  storage: Storage,
  plane: DataPlane,
  identity: StoreIdentity,
): Promise<void> {
  const isThere = (await readWhole(storage, FILE_STORE, STORE_BYTES + 1)) !== undefined
  if (isThere) await keepAside(storage, DIRECTORY_DAMAGED, [FILE_STORE])
  await writeIdentity(storage, plane, identity)
}

function ofKind(kind: number, identity: StoreIdentity, storage: Storage): StoreIdentity {
  if (identity.kind === kind) return identity
  const [found, wanted] = [identity.kind, kind].map((each) => KIND_NAMES[each] ?? `kind ${each}`)
  throw new StoreError('CAIRN_FORMAT_VERSION', `${storage.location} is ${found}, not ${wanted}`, {
    file: FILE_STORE,
  })
}

export async function writeIdentity(
  storage: Storage,
  plane: DataPlane,
  identity: StoreIdentity,
): Promise<void> {
  const body = encodeIdentityBody(identity)
  const bytes = new Uint8Array(STORE_BYTES)
  bytes.set(body)
  putFixed32(bytes, body.length, maskCrc(plane.crc32c(body)))
  await writeWhole(storage, FILE_STORE, bytes)
}

/** What every header that holds says of the store; undefined when none does, or not the same. */
async function repeatedIdentity(
  storage: Storage,
  plane: DataPlane,
): Promise<StoreIdentity | undefined> {
  let oldest: SegmentHeader | undefined
  for (const { name, kind } of await everyEntry(storage)) {
    if (kind !== 'segment' && kind !== 'snapshot') continue
    const framed = await readFramedHeader(storage, name)
    const header = framed && decodedHeader(framed, plane)
    if (header === undefined) continue
    oldest ??= header
    if (Buffer.compare(header.storeId, oldest.storeId) !== 0) return undefined
    if (header.createdAt < oldest.createdAt) oldest = header
  }
  if (oldest === undefined) return undefined
  const { storeKind: kind, cipher, storeId, createdAt } = oldest
  return { kind, encrypted: cipher !== 0, storeId, createdAt }
}

function decodedHeader(framed: Uint8Array, plane: DataPlane): SegmentHeader | undefined {
  const bytes = wholeHeader(framed, plane)
  try {
    return bytes && decodeSegmentHeader(bytes)
  } catch (error) {
    if (error instanceof FormatError || error instanceof VersionError) return undefined
    throw error
  }
}

/** What lies in the directory and in those of a map's files. */
export async function everyEntry(storage: Storage): Promise<FileEntry[]> {
  return [
    ...(await storage.list()),
    ...(await storage.list(undefined, DIRECTORY_WAL)),
    ...(await storage.list(undefined, DIRECTORY_SNAPSHOTS)),
  ]
}

function decodeIdentity(plane: DataPlane, bytes: Uint8Array): StoreIdentity {
  const end = STORE_BYTES - 4
  if (bytes.length !== STORE_BYTES)
    throw corruption(FILE_STORE, Math.min(bytes.length, STORE_BYTES), 'it has another length')
  const body = bytes.subarray(0, end)
  if (maskCrc(plane.crc32c(body)) !== fixed32(bytes, end))
    throw corruption(FILE_STORE, 0, 'checksum mismatch')
  try {
    return decodeIdentityBody(body)
  } catch (error) {
    if (error instanceof VersionError)
      throw new StoreError('CAIRN_FORMAT_VERSION', `${FILE_STORE} has ${error.message}`, {
        file: FILE_STORE,
      })
    if (error instanceof FormatError) throw corruption(FILE_STORE, error.offset, error.message)
    throw error
  }
}

/** Without an identity nothing may stand here that is anybody's. */
async function refuseUnlessNew(storage: Storage): Promise<void> {
  const entries = await storage.list()
  const data = (await everyEntry(storage)).find(({ kind }) =>
    ['segment', 'snapshot', 'keys'].includes(kind),
  )
  if (data) throw corruption(FILE_STORE, 0, `it is missing, but ${data.name} is there`)
  const level = entries.find(({ kind }) => LEVEL_KINDS.includes(kind))
  if (level)
    throw new StoreError(
      'CAIRN_FORMAT_VERSION',
      `${storage.location} is a key-value store: it holds '${level.name}'`,
      { file: level.name },
    )
  const foreign = entries.find(
    ({ kind, name }) => kind === 'unknown' && !name.startsWith('.') && !FOLDERS.includes(name),
  )
  if (foreign)
    throw new StoreError(
      'CAIRN_FORMAT_VERSION',
      `the directory is not a store: it holds '${foreign.name}'; choose an empty one`,
      { file: foreign.name },
    )
}
