/**
 * The sequences that explicit snapshots hold, ascending.
 *
 * Merges keep, for each held sequence, the newest version at or below it. Implicit snapshots
 * (iterators, gets under way) pin a version of the tree instead and need no entry here.
 */

/** A point in the order of writes that stays readable until it is closed. */
export interface TreeSnapshot {
  readonly sequence: number
  /** Idempotent. */
  close(): void
}

export class SnapshotList {
  readonly #counts = new Map<number, number>()

  get count(): number {
    let count = 0
    for (const holders of this.#counts.values()) count += holders
    return count
  }

  acquire(sequence: number): TreeSnapshot {
    this.#counts.set(sequence, (this.#counts.get(sequence) ?? 0) + 1)
    let open = true
    return {
      sequence,
      close: () => {
        if (!open) return
        open = false
        const left = this.#counts.get(sequence)! - 1
        if (left === 0) this.#counts.delete(sequence)
        else this.#counts.set(sequence, left)
      },
    }
  }

  /** Held sequences below `newest`, then `newest`, ascending: what a merge must keep. */
  sequences(newest: number): number[] {
    const held = [...this.#counts.keys()].filter((sequence) => sequence < newest)
    return [...held.sort((a, b) => a - b), newest]
  }
}
