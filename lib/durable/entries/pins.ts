/**
 * Pins: positions at which somebody reads, and the entries that are kept for them.
 *
 * An entry that was replaced is kept for the highest pin that sees it. When that pin goes, what it
 * held is looked at again: a lower pin may see it too.
 */
import { EntryQueue } from './queue.js'

export interface Pin {
  readonly position: number
  /** How many pinned it. */
  count: number
  /** Entries that would be free without it. */
  readonly held: EntryQueue
}

export class Pins {
  /** By position, ascending. */
  readonly #pins: Pin[] = []

  get count(): number {
    return this.#pins.length
  }

  add(position: number): void {
    const at = this.#below(position + 1)
    const pin = this.#pins[at]
    if (pin?.position === position) pin.count++
    else this.#pins.splice(at + 1, 0, { position, count: 1, held: new EntryQueue() })
  }

  /** Takes one pin away; gives what nobody pins there any more. */
  remove(position: number): Pin | undefined {
    const at = this.#below(position + 1)
    const pin = this.#pins[at]
    if (pin?.position !== position) throw new RangeError(`nothing is pinned at ${position}`)
    if (--pin.count > 0) return undefined
    this.#pins.splice(at, 1)
    return pin
  }

  /** The highest pin in [from, to). */
  within(from: number, to: number): Pin | undefined {
    if (this.#pins.length === 0) return undefined
    const pin = this.#pins[this.#below(to)]
    return pin !== undefined && pin.position >= from ? pin : undefined
  }

  /** Index of the last pin below a position; -1 when there is none. */
  #below(position: number): number {
    let low = 0
    let high = this.#pins.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#pins[middle]!.position < position) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
