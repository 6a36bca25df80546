/**
 * Crash points: copies of a storage as a power cut at some operation leaves it, and recovery that
 * is itself cut short.
 */
import type { MemoryStorage } from '../../lib/io/index.js'
import { below, pick } from '../support/campaign.js'
import { random } from '../support/random.js'

export interface CrashPoint<P> {
  readonly clone: MemoryStorage
  /** What must hold of it. */
  readonly promised: P
  readonly what: string
}

/**
 * Keeps a copy or more of every `stride`-th moment before a mutating operation, until the storage
 * is told otherwise.
 */
export function keepCrashes<P>(
  storage: MemoryStorage,
  seed: number,
  stride: number,
  promised: () => P,
): CrashPoint<P>[] {
  const crashes: CrashPoint<P>[] = []
  const clones = random(seed ^ 0x5eed)
  storage.onOperation = (n, what) => {
    if ((n + seed) % stride !== 0) return
    // Kinds 0 and 1 lose and keep everything that was not synced; the others mix.
    const kinds = n % 4 === 0 ? [0, 1] : [2 + below(clones, 1 << 30)]
    for (const kind of kinds) {
      const told = `before operation ${n} (${what}), clone ${kind}`
      crashes.push({ clone: storage.crashClone(kind), promised: promised(), what: told })
    }
  }
  return crashes
}

/**
 * Opens what a crash left and crashes at one of the operations of that, to `depth`. Gives what
 * the last of these crashes left; undefined when opening changes nothing.
 */
export async function crashWhileOpening(
  clone: MemoryStorage,
  open: (storage: MemoryStorage) => Promise<{ close(): Promise<void> }>,
  dice: () => number,
  depth: number,
): Promise<MemoryStorage | undefined> {
  // A copy that nobody has touched holds only what is durable: kind 1 copies it exactly.
  const storage = clone.crashClone(1)
  const moments: MemoryStorage[] = []
  storage.onOperation = () => moments.push(storage.crashClone(below(dice, 1 << 20)))
  const store = await open(storage)
  storage.onOperation = undefined
  await store.close()
  if (moments.length === 0) return undefined
  const deeper = pick(dice, moments)
  return depth > 1 ? crashWhileOpening(deeper, open, dice, depth - 1) : deeper
}
