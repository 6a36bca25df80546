/**
 * Directory: the way from a hash to its shard, by the first bits of the hash.
 *
 * Extendible hashing: a shard that holds SHARD_MOST_KEYS is split by one more bit, alone, so no
 * step is larger than a shard. A shard that looks at fewer bits than the directory stands in it
 * several times. Its order is that of the hashes, as in the shards.
 */
import { Shard } from './shard.js'

/** A shard with this many keys is split. */
export const SHARD_MOST_KEYS = 65_536
const SIGN = 0x80000000

export class Directory {
  /** 2^depth of them. */
  #shards: Shard[]
  #depth: number
  /** Shards, each counted once. */
  count: number

  /** `shards` is rounded up to a power of two. */
  constructor(shards: number) {
    this.#depth = Math.ceil(Math.log2(shards))
    this.count = 2 ** this.#depth
    this.#shards = Array.from({ length: this.count }, () => new Shard(this.#depth))
  }

  get memoryBytes(): number {
    return this.shards().reduce((sum, shard) => sum + shard.memoryBytes, 0)
  }

  /** The shard of a hash. */
  of(hash: number): Shard {
    return this.#shards[this.#indexOf(hash)]!
  }

  /** Makes room for one more key with this hash; gives the shard for it. */
  roomy(hash: number, isDeleted: (entry: number) => boolean): Shard {
    let shard = this.of(hash)
    if (shard.count >= SHARD_MOST_KEYS) {
      this.#split(hash, shard, isDeleted)
      shard = this.of(hash)
    }
    while (!shard.hasRoom) shard.grow()
    return shard
  }

  /** Every shard once, in the order of the hashes. */
  shards(): Shard[] {
    return this.#shards.filter((shard, i) => shard !== this.#shards[i - 1])
  }

  /** The first hash behind those of the shard that has `hash`; undefined behind the last shard. */
  behind(hash: number): number | undefined {
    const { depth } = this.of(hash)
    const next = ((hash ^ SIGN) >>> 0) + 2 ** (32 - depth)
    const first = next - (next % 2 ** (32 - depth))
    return first >= 2 ** 32 ? undefined : first ^ SIGN
  }

  #indexOf(hash: number): number {
    // By two shifts: one by 32 would be none.
    return ((hash ^ SIGN) >>> 1) >>> (31 - this.#depth)
  }

  #split(hash: number, shard: Shard, isDeleted: (entry: number) => boolean): void {
    if (shard.depth === this.#depth) {
      this.#shards = this.#shards.flatMap((each) => [each, each])
      this.#depth++
    }
    const [lower, upper] = shard.split(isDeleted)
    const width = 2 ** (this.#depth - shard.depth)
    const from = this.#indexOf(hash) & -width
    this.#shards.fill(lower, from, from + width / 2)
    this.#shards.fill(upper, from + width / 2, from + width)
    this.count++
  }
}
