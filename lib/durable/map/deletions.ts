/**
 * Deletions: keys that are absent, with the last deletion of each; in memory as entries are.
 */
import { MAP_DELETE } from '../../format/map.js'
import { Entries, SCAN_START } from '../entries/entries.js'
import { HASH_SEED_BYTES } from '../entries/hash.js'
import type { StoreHome } from '../home.js'
import type { Outbox } from './outbox.js'

const SCAN_KEYS = 64
const NOTHING = new Uint8Array(0)

export class Deletions {
  readonly #entries: Entries

  constructor({ random }: StoreHome) {
    this.#entries = new Entries({ shards: 1, seed: random(HASH_SEED_BYTES) })
  }

  /** Sequences ascend. */
  add(key: Uint8Array, sequence: number, time: number): void {
    const entries = this.#entries
    entries.seek(key)
    entries.put(entries.allocate(key.length, 0), NOTHING, 0, 0, sequence, time)
    entries.settle(sequence)
  }

  /** Whether this is the last deletion of the key. */
  isLast(key: Uint8Array, sequence: number): boolean {
    return this.#entries.find(key, Infinity) && this.#entries.hit.version === sequence
  }

  async drain(outbox: Outbox): Promise<void> {
    const entries = this.#entries
    const visit = (): boolean => outbox.addEntry(entries.hit, MAP_DELETE)
    for (let from: number | undefined = SCAN_START; from !== undefined;) {
      from = entries.scan(from, Infinity, SCAN_KEYS, visit)
      await outbox.drain()
    }
  }
}
