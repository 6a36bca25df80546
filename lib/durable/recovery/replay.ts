/**
 * Replay: what the chain of segments holds, judged by what proves that it had been synced.
 *
 * One pass: records are given as they are found. At the first bad place or gap everything later is
 * searched for proof: found, it is damage; none, a torn tail, and what is behind it is dropped.
 * Nothing is changed on disk; what is to be changed is told.
 * Format: docs/format/segment.md. Decides: torn or damaged, and what comes next.
 */
import type { Damage } from '../../commit/told.js'
import { corruption } from '../../errors.js'
import { FILE_SEAL } from '../../format/names.js'
import { SEGMENT_OPENED, SEGMENT_REWRITTEN, SEGMENT_UNSYNCED } from '../../format/segment.js'
import { readEnding } from '../ending.js'
import type { JournalSetup, RecordSink, Recovered } from '../options.js'
import { Segment, segmentPath } from '../segments/segment.js'
import { SegmentFileReader, type BadPlace } from '../segments/reader.js'
import { listSegments, type FoundSegment, type Listing } from './listing.js'

/** A file that ends at an offset. */
export interface Cut {
  readonly file: string
  readonly offset: number
}

/** What opening for writing has to change. */
export interface Changes {
  /** Where the chain was torn: this file ends there, if it keeps anything. */
  readonly cut: Cut | undefined
  /** Where the seals of older files were not finished: nothing else is missing there. */
  readonly unsealed: readonly Cut[]
  /** Files behind the torn place, ascending. */
  readonly dropped: readonly FoundSegment[]
  /** Files without a record, ascending. */
  readonly empty: readonly FoundSegment[]
  readonly obsolete: readonly string[]
  /** Segments that must be written anew for the chain to hold, with what comes before them. */
  readonly rewrite: readonly Rewrite[]
}

export interface Rewrite {
  readonly segment: Segment
  readonly previous: Segment | undefined
  /** What the next segment calls its previous sequence. */
  readonly last: number
}

export interface Replayed {
  readonly recovered: Recovered
  readonly segments: readonly Segment[]
  readonly nextNumber: number
  /** The last sequence that a segment holds, and the one to hand out next. */
  readonly lastSequence: number
  readonly nextSequence: number
  /** A clean close left all this. */
  readonly clean: boolean
  readonly changes: Changes
}

/** Where a segment does not follow the one before it. */
interface BrokenLink extends BadPlace {
  readonly file: string
}

type Ending = NonNullable<Awaited<ReturnType<typeof readEnding>>>

export async function replayChain(setup: JournalSetup, sink: RecordSink): Promise<Replayed> {
  const listing = await listSegments(setup.home, setup.folder)
  const replay = new Replay(setup, listing, sink, await readEnding(setup.home))
  return replay.run()
}

class Replay {
  readonly #files: readonly FoundSegment[]
  /** How a clean close left the newest segment, as long as it still is the newest. */
  readonly #ending: Ending | undefined
  readonly #position: number
  readonly #chain: Segment[] = []
  readonly #rewrite: Rewrite[] = []
  readonly #empty: FoundSegment[] = []
  readonly #damage: Damage[] = []
  #dropped: readonly FoundSegment[] = []
  #cut: Cut | undefined
  readonly #unsealed: Cut[] = []
  #torn: Damage | undefined
  #records = 0

  constructor(
    private readonly setup: JournalSetup,
    private readonly listing: Listing,
    private readonly sink: RecordSink,
    ending: Ending | undefined,
  ) {
    this.#files = listing.segments
    this.#position = setup.position ?? 0
    const isNewest = ({ number, header, bad }: FoundSegment): boolean =>
      number <= ending!.segment || (header === undefined && bad === undefined)
    if (ending && this.#files.every(isNewest)) this.#ending = ending
  }

  async run(): Promise<Replayed> {
    this.#checkEnding()
    for (const [i, file] of this.#files.entries()) {
      if (file.header === undefined && file.bad === undefined) this.#empty.push(file)
      else if (!(await this.#segment(i))) break
    }
    const lastSequence = Math.max(this.#chain.at(-1)?.chainLast ?? 0, this.#position)
    this.#checkSynced(lastSequence)
    if (lastSequence === this.#position) this.#forget()
    const { nextNumber, obsolete } = this.listing
    return {
      recovered: {
        records: this.#records,
        ...(this.#torn && { torn: this.#torn }),
        ...(this.#damage.length > 0 && { damage: this.#damage }),
      },
      segments: this.#chain,
      nextNumber: Math.max(nextNumber, (this.#ending?.segment ?? 0) + 1),
      lastSequence,
      nextSequence: this.#nextSequence(lastSequence),
      clean: this.#ending !== undefined && this.#damage.length === 0,
      changes: {
        cut: this.#cut,
        unsealed: this.#unsealed,
        dropped: this.#dropped,
        empty: this.#empty,
        obsolete,
        rewrite: this.#rewrite,
      },
    }
  }

  /** What had been synced must be here, or be known. */
  #checkSynced(lastSequence: number): void {
    if (lastSequence >= (this.setup.synced ?? 0)) return
    const { file, bytes: offset } = this.#chain.at(-1) ?? { file: this.setup.folder, bytes: 0 }
    const reason = `the records from ${lastSequence + 1} on are missing`
    this.#damaged({ file, offset, bytes: 0, reason }, 'a snapshot says that they were synced')
  }

  /**
   * The records end before what is known from elsewhere. They go, as nothing can follow them: a
   * later opening that knows less would find a hole.
   */
  #forget(): void {
    const last = this.#chain.at(-1)
    if (last === undefined || last.chainLast >= this.#position) return
    const isFile = ({ header, bad }: FoundSegment): boolean => !!header || !!bad
    this.#dropped = this.#files.filter(isFile)
    this.#chain.length = this.#rewrite.length = this.#unsealed.length = 0
    this.#cut = undefined
  }

  /** The newest segment must be as the clean close left it. */
  #checkEnding(): void {
    const ending = this.#ending
    if (ending === undefined || ending.segment === 0) return
    const file = segmentPath(this.setup.folder, ending.segment)
    const newest = this.#files.find(({ number }) => number === ending.segment)
    if (newest === undefined) {
      const reason = 'the segment is missing'
      return this.#damaged({ file, offset: 0, bytes: ending.segmentBytes, reason })
    }
    const { sizeBytes, header, bad } = newest
    const isBlank = header === undefined && bad === undefined
    if (sizeBytes === ending.segmentBytes && !isBlank) return
    const offset = isBlank ? 0 : Math.min(sizeBytes, ending.segmentBytes)
    const found = isBlank && sizeBytes > 0 ? 'zeros alone' : `${sizeBytes} bytes`
    const reason = `${found}, but the store was closed with ${ending.segmentBytes} bytes of records`
    this.#damaged({ file, offset, bytes: ending.segmentBytes - offset, reason })
  }

  /** Replays one file that is not empty; false when everything from there on is dropped. */
  async #segment(i: number): Promise<boolean> {
    const found = this.#files[i]!
    const { header } = found
    if (header === undefined) return this.#unreadable(i, found.bad!)
    const broken = this.#linkOf(found)
    if (broken !== undefined) {
      const proof = broken.rot ? 'no crash leaves that' : await this.#proofBehind(i, undefined)
      if (proof === undefined) return this.#tear(i, { ...broken, offset: 0 })
      this.#damaged({ ...broken, bytes: 0 }, proof)
    }
    const segment = new Segment(found.file, header)
    const mayTrust = broken === undefined && this.setup.recovery === 'strict' && this.#isKnown(i)
    const isKnown = mayTrust && (await this.#trust(i, segment))
    const goesOn = isKnown || (await this.#read(i, segment, broken !== undefined))
    this.#chain.push(segment)
    return goesOn
  }

  /** Reads a segment's records; false when it is torn. */
  async #read(i: number, segment: Segment, mustRewrite: boolean): Promise<boolean> {
    const reader = await SegmentFileReader.open(this.setup.home, segment.file)
    let isDamaged = mustRewrite
    try {
      for (;;) {
        while (await reader.next(this.#give));
        this.#takeOver(segment, reader)
        const { bad } = reader
        if (bad === undefined) break
        const proof = await this.#proof(i, reader, bad)
        if (proof === undefined && this.#goesOn(i, segment)) {
          this.#unsealed.push({ file: segment.file, offset: bad.offset })
          break
        }
        if (proof === undefined) {
          this.#cut = { file: segment.file, offset: bad.offset }
          if (this.setup.recovery === 'salvage') this.#mend(i, segment)
          return this.#tear(i, bad, segment.file)
        }
        const next = await this.#skip(reader, bad, proof)
        isDamaged = true
        if (next >= reader.sizeBytes) break
      }
    } finally {
      await reader.close()
    }
    if (isDamaged) this.#mend(i, segment)
    return true
  }

  /** Whether the next segment begins right behind the last record: what is bad was a seal. */
  #goesOn(i: number, { number, chainLast }: Segment): boolean {
    const next = this.#files.slice(i + 1).find(({ header, bad }) => header ?? bad)?.header
    return next?.previousNumber === number && next.previousSequence === chainLast
  }

  readonly #give: RecordSink = (sequence, time, bytes, start, end) => {
    if (sequence <= this.#position) return
    this.#records++
    this.sink(sequence, time, bytes, start, end)
  }

  #takeOver(segment: Segment, reader: SegmentFileReader): void {
    segment.newest = reader.lastSequence
    segment.records = reader.records
    segment.bytes = reader.end
    segment.sealed = reader.seal !== undefined
  }

  async #skip(reader: SegmentFileReader, bad: BadPlace, proof: string): Promise<number> {
    const { file, offset } = { file: reader.name, offset: bad.offset }
    if (this.setup.recovery === 'strict') throw damageError(file, offset, bad.reason, proof)
    const next = await reader.skip()
    this.#damaged({ file, offset, bytes: next - offset, reason: bad.reason }, proof)
    return next
  }

  /** A segment that salvage writes anew; the next one still finds its place in the chain. */
  #mend(i: number, segment: Segment): void {
    const next = this.#files.slice(i + 1).find(({ header }) => header !== undefined)?.header
    const follows = next?.previousNumber === segment.number && this.#cut === undefined
    const last = Math.max(segment.chainLast, follows ? next.previousSequence : 0)
    this.#rewrite.push({ segment, previous: this.#chain.at(-1), last })
  }

  /** A file whose header can not be read: nothing of it can be. */
  async #unreadable(i: number, bad: BadPlace): Promise<boolean> {
    const { file, sizeBytes } = this.#files[i]!
    const proof = bad.rot ? 'its checksum holds' : await this.#proofBehind(i, undefined)
    if (proof === undefined) return this.#tear(i, bad)
    this.#damaged({ file, offset: bad.offset, bytes: sizeBytes, reason: bad.reason }, proof)
    this.#dropped = [...this.#dropped, this.#files[i]!]
    return true
  }

  /** The chain ends before the i-th file, or at the cut inside it. */
  #tear(i: number, bad: BadPlace, cutFile?: string): false {
    const { file, sizeBytes } = this.#files[i]!
    const bytes = sizeBytes - bad.offset
    this.#torn = { file, offset: bad.offset, bytes, reason: bad.reason }
    const rest = this.#files.slice(cutFile === undefined ? i : i + 1)
    const isEmpty = ({ header, bad: why }: FoundSegment): boolean => !header && !why
    this.#empty.push(...rest.filter(isEmpty))
    this.#dropped = [...this.#dropped, ...rest.filter((each) => !isEmpty(each))]
    return false
  }

  /** Damage: an error, or something to skip. */
  #damaged(damage: Damage, proof?: string): void {
    const { file, offset, bytes, reason } = damage
    if (this.setup.recovery === 'strict') throw damageError(file, offset, reason, proof)
    const told = { file, offset, bytes, reason }
    this.#damage.push(told)
    this.setup.onDrop?.(told)
  }

  /** What is wrong with the place of a segment behind those before it. */
  #linkOf({ file, number, header }: FoundSegment): BrokenLink | undefined {
    const { previousNumber, previousSequence } = header!
    const before = this.#chain.at(-1)
    if (before === undefined) {
      const emptied = this.#files.find((each) => each.number === previousNumber)
      const isOldest = emptied === undefined && this.setup.position === undefined
      if (isOldest || previousSequence <= this.#position) return undefined
      const reason = `the records up to ${previousSequence} are missing`
      return { file: emptied?.file ?? file, offset: 0, reason, rot: emptied === undefined }
    }
    const last = this.#rewrite.at(-1)?.segment === before ? this.#rewrite.at(-1)!.last : undefined
    if (previousNumber === before.number && previousSequence === (last ?? before.chainLast))
      return undefined
    const isThere = this.#files.some((file) => file.number === previousNumber)
    if (previousNumber > before.number && previousNumber < number && !isThere) {
      const lost = segmentPath(this.setup.folder, previousNumber)
      return { file: lost, offset: 0, reason: 'the segment is missing', rot: true }
    }
    if (previousNumber < before.number || previousSequence <= before.chainLast)
      return { file, offset: 0, reason: 'a segment out of order', rot: true }
    const reason = `the records up to ${previousSequence} are missing`
    return { file: before.file, offset: before.bytes, reason, rot: false }
  }

  /** Takes a finished segment that is not read from what it and the next one say; false when it
   * does not say where it ends. */
  async #trust(i: number, segment: Segment): Promise<boolean> {
    const reader = await SegmentFileReader.open(this.setup.home, segment.file)
    const seal = await reader.findSeal().finally(() => reader.close())
    if (seal === undefined) return false
    segment.newest = this.#files[i + 1]!.header!.previousSequence
    segment.records = seal.records
    segment.bytes = this.#files[i]!.sizeBytes
    segment.sealed = true
    return true
  }

  /** Everything in the i-th file is known from elsewhere, and the next one vouches for its end. */
  #isKnown(i: number): boolean {
    const [found, next] = [this.#files[i]!, this.#files[i + 1]?.header]
    if (next === undefined || next.previousNumber !== found.number) return false
    return (
      next.previousSequence <= this.#position &&
      next.previousSequence >= found.header!.firstSequence
    )
  }

  async #proof(i: number, reader: SegmentFileReader, bad: BadPlace): Promise<string | undefined> {
    if (bad.rot) return 'its checksum holds'
    if (this.#ending !== undefined) return 'the store was closed cleanly'
    if ((reader.header!.flags & SEGMENT_REWRITTEN) !== 0) return 'it was written as a whole'
    const mark = await reader.findMark(bad.offset, reader.expected)
    if (mark !== undefined) return markProof(reader.name, mark.offset)
    return this.#proofBehind(i + 1, reader.expected)
  }

  /** What the files from the i-th on prove for what stands before them. */
  async #proofBehind(i: number, expected: number | undefined): Promise<string | undefined> {
    if (this.#ending !== undefined) return 'the store was closed cleanly'
    const least = expected ?? (this.#chain.at(-1)?.chainLast ?? 0) + 1
    for (const { file, header, bad } of this.#files.slice(i)) {
      if (header === undefined && bad === undefined) continue
      if (header && (header.flags & (SEGMENT_OPENED | SEGMENT_REWRITTEN)) !== 0)
        return `${file} was begun when everything before it was synced`
      const later = await SegmentFileReader.open(this.setup.home, file)
      try {
        const mark = await later.findMark(1, least)
        if (mark !== undefined) return markProof(file, mark.offset)
      } finally {
        await later.close()
      }
    }
    return undefined
  }

  #nextSequence(lastSequence: number): number {
    const behind = Math.max(lastSequence, this.#position) + 1
    if (this.#ending !== undefined) {
      const { nextSequence } = this.#ending
      if (nextSequence < behind)
        this.#damaged({
          file: FILE_SEAL,
          offset: 0,
          bytes: 0,
          reason: `it says that ${nextSequence} comes next, behind ${behind - 1}`,
        })
      return Math.max(nextSequence, behind)
    }
    const headers = this.#files.flatMap(({ header }) => header ?? [])
    const newest = headers.at(-1)
    // A segment without a record knows what was handed out before it.
    if (newest === undefined || (newest.flags & SEGMENT_UNSYNCED) === 0)
      return Math.max(behind, this.#chain.at(-1)?.header.firstSequence ?? 0)
    return Math.max(behind, ...headers.map(({ reservedSequence }) => reservedSequence))
  }
}

function damageError(file: string, offset: number, reason: string, proof?: string): Error {
  const why = proof === undefined ? '' : `, yet ${proof}`
  return corruption(file, offset, `${reason}${why}; recovery: 'salvage' opens what is whole`)
}

function markProof(file: string, offset: number): string {
  return `the mark at byte ${offset} of ${file} says that it was synced`
}
