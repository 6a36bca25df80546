/**
 * What the backups of every store have in common: an empty target, and files that an earlier
 * backup has already.
 */
import { StoreError } from '../errors.js'
import type { Storage, StorageFile } from '../io/files.js'

const COMPARE_BYTES = 1024 * 1024

/** Makes the target. CAIRN_EXISTS when something stands in it. */
export async function prepareTarget(target: Storage): Promise<void> {
  await target.createDirectory()
  const [standing] = await target.list()
  if (standing !== undefined)
    throw new StoreError(
      'CAIRN_EXISTS',
      `${target.location} is not empty: it holds '${standing.name}'`,
    )
}

/** Whether both places have the very same file, by every byte. */
export async function isSameFile(
  storage: Storage,
  name: string,
  since: Storage,
  sinceName = name,
): Promise<boolean> {
  const ours = await storage.open(name)
  try {
    const theirs = await since.open(sinceName)
    try {
      return ours.size() === theirs.size() && (await sameBytes(ours, theirs))
    } finally {
      await theirs.close()
    }
  } finally {
    await ours.close()
  }
}

async function sameBytes(a: StorageFile, b: StorageFile): Promise<boolean> {
  const [one, other] = [Buffer.alloc(COMPARE_BYTES), Buffer.alloc(COMPARE_BYTES)]
  const sizeBytes = a.size()
  for (let at = 0; at < sizeBytes; at += COMPARE_BYTES) {
    const [read, again] = await Promise.all([a.read(one, at), b.read(other, at)])
    if (read !== again || one.compare(other, 0, read, 0, read) !== 0) return false
  }
  return true
}
