/**
 * Segment: what the engine knows of one segment, the one that is written to included.
 */
import { segmentName, type DIRECTORY_WAL } from '../../format/names.js'
import { SEGMENT_REWRITTEN, type SegmentHeader } from '../../format/segment.js'
import type { SegmentInfo } from '../options.js'

export type Folder = '' | typeof DIRECTORY_WAL

/** The name of a segment in the storage. */
export function segmentPath(folder: Folder, number: number): string {
  const name = segmentName(number)
  return folder === '' ? name : `${folder}/${name}`
}

export class Segment implements SegmentInfo {
  records = 0
  bytes = 0
  sealed = false
  /** Of its newest record; 0 while it has none. */
  newest = 0

  constructor(
    readonly file: string,
    readonly header: SegmentHeader,
  ) {}

  get number(): number {
    return this.header.number
  }

  get firstSequence(): number {
    return this.header.firstSequence
  }

  get lastSequence(): number {
    return this.newest === 0 ? this.firstSequence - 1 : this.newest
  }

  /** What the next segment of the chain calls its previous sequence. */
  get chainLast(): number {
    const { previousSequence, lastSequence } = this.header
    if (this.rewritten) return lastSequence
    return this.newest === 0 ? previousSequence : this.newest
  }

  get createdAt(): number {
    return this.header.createdAt
  }

  get encrypted(): boolean {
    return this.header.cipher !== 0
  }

  get rewritten(): boolean {
    return (this.header.flags & SEGMENT_REWRITTEN) !== 0
  }

  /** How far it can be read whatever happens: behind that zeros come and go until it is sealed. */
  get readableBytes(): number | undefined {
    return this.sealed ? undefined : this.bytes
  }

  /** As it is now, for callers: it does not change any more. */
  info(): SegmentInfo {
    const { number, file, firstSequence, lastSequence, records, bytes } = this
    const createdAt = Math.floor(this.createdAt / 1000)
    const { sealed, encrypted, rewritten } = this
    return {
      ...{ number, file, firstSequence, lastSequence, records, bytes },
      ...{ createdAt, sealed, encrypted, rewritten },
    }
  }
}
