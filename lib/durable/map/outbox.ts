/**
 * Outbox: records on their way to a file, between a source that does not wait and a writer that
 * has to be waited for.
 */
import { putVarint, varintLength } from '../../format/coding.js'
import { MAP_DELETE, type MAP_SET } from '../../format/map.js'
import { Memory, SameMemory, copyRun } from '../../format/memory.js'
import type { EntryHit } from '../entries/generation.js'
import type { SegmentFileWriter } from '../segments/writer.js'
import { STEPS_PER_LOOK, type Slices } from './slices.js'

const ROOM_BYTES = 256 * 1024
/** Sequence, time, start and end of each record. */
const FIELDS = 4

export class Outbox {
  #memory = new Memory(Buffer.allocUnsafe(ROOM_BYTES))
  #end = 0
  readonly #fields: number[] = []
  readonly #sources = new SameMemory()

  constructor(
    private readonly writer: SegmentFileWriter,
    private readonly slices: Slices,
  ) {}

  /** Takes a copy of a record. */
  add(sequence: number, time: number, bytes: Uint8Array, start: number, end: number): void {
    const at = this.#reserve(sequence, time, end - start)
    copyRun(this.#sources.of(bytes), start, end, this.#memory, at)
  }

  /** Takes an entry as the record that sets its key, or that deletes it. False: drain it soon. */
  addEntry(hit: EntryHit, operation: typeof MAP_SET | typeof MAP_DELETE): boolean {
    const { memory, keyStart, keyEnd } = hit
    const end = operation === MAP_DELETE ? keyEnd : hit.valueEnd
    const keyBytes = keyEnd - keyStart
    const length = 1 + varintLength(keyBytes) + end - keyStart
    const at = this.#reserve(hit.version, hit.time, length)
    const { bytes } = this.#memory
    bytes[at] = operation
    copyRun(memory, keyStart, end, this.#memory, putVarint(bytes, at + 1, keyBytes))
    return this.#end < ROOM_BYTES
  }

  /** Writes what was taken, and rests when it is time. */
  async drain(): Promise<void> {
    if (this.slices.isOver) await this.slices.rest()
    const fields = this.#fields
    const { bytes } = this.#memory
    for (let at = 0; at < fields.length; at += FIELDS) {
      const [sequence, time] = [fields[at]!, fields[at + 1]!]
      const written = this.writer.add(sequence, time, bytes, fields[at + 2]!, fields[at + 3]!)
      if (written !== undefined) await written
      const mayLook = at % (FIELDS * STEPS_PER_LOOK) === 0 && at > 0
      if (mayLook && this.slices.isOver) await this.slices.rest()
    }
    fields.length = 0
    this.#end = 0
    if (bytes.length > 4 * ROOM_BYTES) this.#memory = new Memory(Buffer.allocUnsafe(ROOM_BYTES))
  }

  #reserve(sequence: number, time: number, length: number): number {
    const at = this.#end
    this.#end += length
    this.#fields.push(sequence, time, at, this.#end)
    const { bytes } = this.#memory
    if (this.#end > bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#end, 2 * bytes.length))
      grown.set(bytes.subarray(0, at))
      this.#memory = new Memory(grown)
    }
    return at
  }
}
