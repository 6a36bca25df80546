/**
 * CAIRN-STORE: whether a directory is a store of the wanted kind, a new one, or refused.
 *
 * Judging changes nothing. Making writes the identity before anything else stands there.
 * Format: docs/format/store.md. Decides: new, ours, or which error.
 */
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
import type { FileEntry, Storage } from '../io/files.js'
import type { DataPlane } from '../plane.js'
import { readWhole, writeWhole } from '../commit/file.js'

const KIND_NAMES: Readonly<Record<number, string>> = {
  [STORE_KIND_JOURNAL]: 'a journal store',
  [STORE_KIND_MAP]: 'a map store',
}
const FOLDERS = [DIRECTORY_DAMAGED, DIRECTORY_SNAPSHOTS, DIRECTORY_WAL]
/** What only a key-value store has. */
const LEVEL_KINDS: readonly FileEntry['kind'][] = ['journal', 'table', 'manifest', 'current']

/** The identity of a store of this kind; undefined when the directory is new or half-made. */
export async function findIdentity(
  storage: Storage,
  plane: DataPlane,
  kind: number,
): Promise<StoreIdentity | undefined> {
  const bytes = await readWhole(storage, FILE_STORE, STORE_BYTES + 1)
  if (bytes === undefined) {
    await refuseUnlessNew(storage)
    return undefined
  }
  const identity = decodeIdentity(plane, bytes)
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
  const nested = [
    ...(await storage.list(undefined, DIRECTORY_WAL)),
    ...(await storage.list(undefined, DIRECTORY_SNAPSHOTS)),
  ]
  const data = [...entries, ...nested].find(({ kind }) =>
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
