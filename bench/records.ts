/**
 * Keys and values for the workloads: the same for every engine and every run.
 *
 * As in LevelDB's db_bench: keys are 16 digits, values are 100 bytes if nothing else is said, of
 * which about half compresses away. A random order is a permutation, so that every key is written
 * once.
 */
import { random } from '../lib/io/random.js'

export const KEY_BYTES = 16
export const VALUE_BYTES = 100
const RUN_BYTES = 100
const POOL_BYTES = 1024 * 1024
export const SEED = 301

export function recordKey(record: number): string {
  return String(record).padStart(KEY_BYTES, '0')
}

/** The same in one piece: V8 puts a padded string together when it is first read, which takes as
 * long as a store takes to encode it. For keys that are made before the clock runs. */
export function wholeKey(record: number): string {
  return Buffer.from(recordKey(record), 'latin1').toString('latin1')
}

/** A key that sorts among the others and is none of them. */
export function missingKey(record: number): string {
  return `${String(record).padStart(KEY_BYTES - 1, '0')}x`
}

/** The numbers 0 to count-1 in random order. */
export function shuffled(count: number, seed = SEED): Uint32Array {
  const numbers = random(seed)
  const order = Uint32Array.from({ length: count }, (_, at) => at)
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(numbers() * (at + 1))
    const held = order[at]!
    order[at] = order[other]!
    order[other] = held
  }
  return order
}

/** A source of values: each is a view of a pool, as db_bench does it. */
export class Values {
  readonly #pool = Buffer.allocUnsafeSlow(POOL_BYTES)
  #at = 0
  #lap = 0

  constructor(
    private readonly valueBytes: number,
    seed = SEED,
  ) {
    const numbers = random(seed)
    // Runs of a hundred bytes: fifty random ones, then the same once more.
    for (let start = 0; start < POOL_BYTES; start += RUN_BYTES) {
      const half = RUN_BYTES / 2
      for (let at = start; at < Math.min(start + half, POOL_BYTES); at++) {
        this.#pool[at] = 32 + Math.floor(numbers() * 95)
      }
      this.#pool.copy(this.#pool, start + half, start, Math.min(start + half, POOL_BYTES))
    }
  }

  next(): Buffer {
    // Each lap begins at another byte: few values fit in the pool, and no two shall be equal.
    if (this.#at + this.valueBytes > POOL_BYTES) this.#at = ++this.#lap % this.valueBytes
    const value = this.#pool.subarray(this.#at, this.#at + this.valueBytes)
    this.#at += this.valueBytes
    return value
  }
}
