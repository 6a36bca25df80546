/**
 * Memory: bytes with the view that copies short runs of them a word at a time.
 *
 * For runs of a hundred bytes that takes a quarter of the time of a loop over bytes, and less than
 * making a view of the run and calling for the copy.
 */

/** From here on a call is cheaper. */
const CALL_BYTES = 512

export class Memory<T extends Uint8Array = Uint8Array> {
  readonly view: DataView

  constructor(readonly bytes: T) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** Larger bytes are let go of at once. */
const KEEP_BYTES = 2 * 1024 * 1024

/** The memory of bytes that come many times in a row: the view is made once. */
export class SameMemory {
  #last: Memory = new Memory(new Uint8Array(0))
  /** A caller's buffer may have been resized since. */
  #length = 0

  of(bytes: Uint8Array): Memory {
    const { length } = bytes
    if (length > KEEP_BYTES) return new Memory(bytes)
    if (bytes !== this.#last.bytes || length !== this.#length) {
      this.#last = new Memory(bytes)
      this.#length = length
    }
    return this.#last
  }
}

/** Copies `from[start..end)` to `to[at..)`; the two must not overlap. */
export function copyRun(from: Memory, start: number, end: number, to: Memory, at: number): void {
  if (end - start > CALL_BYTES) {
    to.bytes.set(from.bytes.subarray(start, end), at)
    return
  }
  const [source, target] = [from.view, to.view]
  let next = start
  let put = at
  for (; end - next >= 4; next += 4, put += 4)
    target.setInt32(put, source.getInt32(next, true), true)
  for (; next < end; next++, put++) target.setUint8(put, source.getUint8(next))
}
