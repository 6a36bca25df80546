/**
 * Rekey: another secret for an encrypted store, and on request another store key as well.
 *
 * Judged first, changed afterwards. KEYS is replaced in one step, so that at any moment exactly one
 * of the two secrets opens the store. A deep rekey that was cut short leaves two store keys in
 * KEYS; the next one goes on with it.
 * Format: docs/format/cipher.md (replacing the secret)
 */
import { StoreError } from '../errors.js'
import { CIPHER_KEY_BYTES } from '../format/cipher.js'
import { DIRECTORY_SNAPSHOTS, DIRECTORY_WAL } from '../format/names.js'
import { STORE_KIND_MAP } from '../format/store.js'
import type { FileEntry, Storage } from '../io/files.js'
import { readEnding, writeEnding } from './ending.js'
import { StoreHome, type HomeOptions } from './home.js'
import { DurableJournal } from './journal.js'
import { StoreKeys, writeKeys } from './keys.js'
import { checkWhole, recast } from './recast.js'
import { takeKey, type Secret } from './secret.js'
import type { Folder } from './segments/segment.js'

/** The journal is opened to be recovered; nothing is appended. */
const NO_APPENDS = {
  sync: 'always',
  syncIntervalMs: 0,
  segmentBytes: 0,
  segmentRecords: 0,
  segmentAgeMs: 0,
  batchRecords: 1,
  batchBytes: 1,
  recovery: 'strict',
} as const

export interface RekeyRequest extends Pick<
  HomeOptions,
  'choose' | 'lockTimeoutMs' | 'infoLog' | 'clock' | 'random'
> {
  readonly from: Secret
  readonly to: Secret
  /** Make a new store key and rewrite all data under it. */
  readonly deep: boolean
}

/**
 * Afterwards `to` opens the store and, unless they are the same, `from` does not. The old secret of
 * a rekey that was cut short may be the wrong one by now: then it goes on under the new one.
 * CAIRN_WRONG_KEY when neither is right or the store is not encrypted, CAIRN_CORRUPTION when
 * something could not be rewritten, CAIRN_MISSING, CAIRN_LOCKED, CAIRN_IO.
 */
export async function rekey(storage: Storage, kind: number, request: RekeyRequest): Promise<void> {
  const { from, to, deep, ...options } = request
  const opened = (secret: Secret, change: (home: StoreHome) => Promise<void>): Promise<void> =>
    StoreHome.open(
      storage,
      kind,
      {
        ...options,
        ...{ createIfMissing: false, errorIfExists: false, readOnly: false },
        ...{ secret, cipher: 'auto' },
      },
      async (home) => {
        await change(home)
        await home.close()
      },
    )
  try {
    await opened(from, (home) => (deep ? replaceKey(home, from, to) : replaceSecret(home, to)))
  } catch (error) {
    if (!isWrongKey(error)) throw error
    await opened(to, (home) => (deep ? replaceKey(home, undefined, to) : Promise.resolve())).catch(
      (again: unknown) => {
        throw isWrongKey(again) ? error : again
      },
    )
  }
}

function isWrongKey(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'CAIRN_WRONG_KEY'
}

async function replaceSecret(home: StoreHome, to: Secret): Promise<void> {
  home.changing()
  await writeKeys(home.storage, home.plane, home.keys!, to, home.random)
  home.log('rekeyed')
}

/** `from` opened the store; undefined when `to` did. */
async function replaceKey(home: StoreHome, from: Secret | undefined, to: Secret): Promise<void> {
  await judge(home)
  home.changing()
  // Two keys under another secret than `to`: that rekey comes to its end before this one begins.
  if (from !== undefined && home.keys!.keys.size > 1) await finish(home, from)
  if (home.keys!.keys.size === 1) {
    home.keys = withNewKey(home)
    await writeKeys(home.storage, home.plane, home.keys, to, home.random)
  }
  await finish(home, to)
  home.log(`rekeyed: all data is under key ${home.keys!.keyId}`)
}

/** Recovers the journal as any opening does, and reads every snapshot. */
async function judge(home: StoreHome): Promise<void> {
  const journal = await DurableJournal.open({ home, folder: folderOf(home), ...NO_APPENDS })
  await journal.close()
  for (const { name } of await snapshots(home)) await checkWhole(home, name)
}

/** Rewrites what is not under the newest key, and forgets the other one. */
async function finish(home: StoreHome, secret: Secret): Promise<void> {
  const { storage, plane, random } = home
  const { cipher, storeId, keyId, keys } = home.keys!
  const folder = folderOf(home)
  const segments = await storage.list('segment', folder === '' ? undefined : folder)
  for (const { name } of [...segments, ...(await snapshots(home))]) await recast(home, name)
  const ending = await readEnding(home)
  if (ending !== undefined) await writeEnding(home, ending)
  home.keys = new StoreKeys(cipher, storeId, new Map([[keyId, keys.get(keyId)!]]))
  await writeKeys(storage, plane, home.keys, secret, random)
}

function withNewKey({ keys, random }: StoreHome): StoreKeys {
  const { cipher, storeId, keyId } = keys!
  const key = takeKey(random(CIPHER_KEY_BYTES))
  return new StoreKeys(cipher, storeId, new Map([...keys!.keys, [keyId + 1, key]]))
}

function snapshots({ storage }: StoreHome): Promise<FileEntry[]> {
  return storage.list('snapshot', DIRECTORY_SNAPSHOTS)
}

function folderOf({ identity }: StoreHome): Folder {
  return identity.kind === STORE_KIND_MAP ? DIRECTORY_WAL : ''
}
