/**
 * Reservations: room for records in the open group, and the sequences that they get.
 *
 * A sequence is given at the call and never again. A group has one time, that of its first record.
 * What is refused leaves no trace.
 */
import { StoreError } from '../errors.js'
import { putVarint, varintLength } from '../format/coding.js'
import { GROUP_MAX_BYTES, GROUP_RECORD_MAX_BYTES } from '../format/group.js'
import { SEGMENT_SEQUENCE_MAX } from '../format/segment.js'
import type { Committer } from './committer.js'
import type { Reservation } from './options.js'

/** Most bytes of the length before a payload. */
export const LENGTH_MOST_BYTES = 5

/** One object for all calls: what `reserve` gives is looked at before the next call. */
class Slot implements Reservation {
  bytes!: Buffer
  at = 0
  sequence = 0
  time = 0
  settled!: Promise<void>
}

export class Reservations {
  readonly #slot = new Slot()
  /** Reservations that still belong to the group of `together`. */
  #together = 0

  constructor(
    private readonly committer: Committer,
    private readonly clock: () => number,
    /** The newest sequence that was given to a record. */
    public lastSequence: number,
  ) {}

  reserve(payloadBytes: number): Reservation {
    if (payloadBytes > GROUP_RECORD_MAX_BYTES)
      throw tooLarge('a record', payloadBytes, GROUP_RECORD_MAX_BYTES)
    if (this.lastSequence >= SEGMENT_SEQUENCE_MAX)
      throw new StoreError('CAIRN_LIMIT', 'no sequence is left below 2^52')
    const { queue } = this.committer
    const group = this.#together > 0 ? queue.open : queue.roomy()
    if (this.#together > 0) this.#together--
    group.grow(varintLength(payloadBytes) + payloadBytes)
    const sequence = ++this.lastSequence
    if (group.count++ === 0) {
      group.firstSequence = sequence
      group.time = this.clock()
    }
    const slot = this.#slot
    slot.bytes = group.bytes
    slot.at = putVarint(group.bytes, group.size, payloadBytes)
    slot.sequence = sequence
    slot.time = group.time
    slot.settled = group.promise
    group.size = slot.at + payloadBytes
    this.committer.schedule()
    return slot
  }

  together(records: number, payloadBytes: number): void {
    const bytes = payloadBytes + records * LENGTH_MOST_BYTES
    if (bytes > GROUP_MAX_BYTES) throw tooLarge('a batch', bytes, GROUP_MAX_BYTES)
    this.committer.queue.roomyFor(records, bytes)
    this.#together = records
  }
}

function tooLarge(what: string, bytes: number, most: number): StoreError {
  return new StoreError('CAIRN_LIMIT', `${what} of ${bytes} bytes is too large: at most ${most}`)
}
