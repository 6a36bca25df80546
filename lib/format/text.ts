/**
 * TextBytes: the UTF-8 of short strings, without memory of its own for each.
 *
 * Short ASCII is written by a loop, which costs less than a call that encodes, to memory whose
 * views are made once for every length.
 */

/** Texts up to this many bytes have views that stay. */
const VIEW_BYTES = 128

export class TextBytes {
  #memory = Buffer.allocUnsafeSlow(1024)
  /** Views of the memory by length. */
  readonly #views: Uint8Array[] = []

  /** The text as bytes that hold until the next call; bytes are given back. */
  of(text: string | Uint8Array): Uint8Array {
    if (typeof text !== 'string') return text
    const length = this.put(text)
    if (length > VIEW_BYTES) return this.#memory.subarray(0, length)
    return (this.#views[length] ??= this.#memory.subarray(0, length))
  }

  /** Writes the text to the first bytes of `memory`; gives how many. */
  put(text: string): number {
    const { length } = text
    const memory = this.#memory
    if (length <= VIEW_BYTES) {
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code >= 0x80) break
        memory[i] = code
      }
      return i === length ? length : memory.write(text)
    }
    if (length * 3 <= memory.length) return memory.write(text)
    // Views of the first bytes stay with the memory that they are views of.
    this.#views.length = 0
    this.#memory = Buffer.allocUnsafeSlow(length * 4)
    return this.#memory.write(text)
  }

  get memory(): Uint8Array {
    return this.#memory
  }
}
