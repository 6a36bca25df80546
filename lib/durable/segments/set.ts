/**
 * The segments of an open journal: the closed ones, the one written to, and the one ahead.
 *
 * Invariant: a synced acknowledgement covers every older segment, its seal included. A mark stands
 * only where everything before it, older segments included, was synced. The first header of an
 * opening is durable before its first record is acknowledged, and no sequence is acknowledged
 * that a durable header does not reserve.
 * Format: docs/format/segment.md. Decides: when a segment is full.
 */
import { ZerosAhead } from '../../commit/zeros.js'
import { markBatch } from '../../format/batch.js'
import { SEGMENT_OPENED, SEGMENT_RESERVED, SEGMENT_UNSYNCED } from '../../format/segment.js'
import type { JournalWriter } from '../../plane.js'
import { removeEnding } from '../ending.js'
import type { StoreHome } from '../home.js'
import type { JournalSetup, SegmentInfo } from '../options.js'
import type { RecordGroup } from '../queue.js'
import { Segment, segmentPath } from './segment.js'
import { SegmentStream } from './stream.js'
import type { SegmentFileWriter } from './writer.js'

/** Segments that wait to be sealed; each keeps its file open. */
const LEFT_MOST = 16

interface Live {
  readonly segment: Segment
  readonly writer: JournalWriter
  readonly stream: SegmentStream
}

interface Ahead {
  readonly number: number
  readonly writer: JournalWriter
}

/** What opening found, for the first segment to go on from. */
export interface ChainEnd {
  readonly segments: readonly Segment[]
  readonly nextNumber: number
  readonly lastSequence: number
}

export class SegmentSet {
  readonly closed: Segment[]
  #live: Live | undefined
  #ahead: Promise<Ahead> | undefined
  #nextNumber: number
  /** The last sequence that a segment holds. */
  #lastSequence: number
  #begun = false
  /** Sequences below are reserved by a header that is durable. */
  #reserved = 0
  /** Appends so far, those that some sync was begun behind, and those that are synced. */
  #written = 0
  #requested = 0
  #synced = 0
  /** The newest sync of the live segment that is under way. */
  #syncing: Promise<void> | undefined
  /** Settles when what was left is synced and sealed; none once it is. */
  #older: Promise<void> | undefined
  #olderClosed: Promise<void> = Promise.resolve()
  /** Left, and not yet closed. */
  #left = 0
  /** Names changed and that is not durable yet; a failure may leave it so until the next change. */
  #isUntidy = false
  /** Files that a rewritten segment covers. */
  readonly #useless: string[] = []
  /** Why what was left could not be synced: nothing is taken from then on. */
  #failure: Error | undefined
  readonly #zeros: ZerosAhead
  syncs = 0
  rotations = 0
  /** Hears of the failure of what nobody waits for. */
  onFailure: (error: Error) => void = () => {}

  constructor(
    private readonly setup: JournalSetup,
    end: ChainEnd,
  ) {
    this.closed = [...end.segments]
    this.#nextNumber = end.nextNumber
    this.#lastSequence = end.lastSequence
    this.#zeros = new ZerosAhead(setup.segmentBytes)
  }

  /** Oldest first. */
  get all(): Segment[] {
    return this.#live ? [...this.closed, this.#live.segment] : [...this.closed]
  }

  get newest(): Segment | undefined {
    return this.#live?.segment ?? this.closed.at(-1)
  }

  /** A segment was begun since opening. */
  get isBegun(): boolean {
    return this.#begun
  }

  get isDirty(): boolean {
    return this.#written !== this.#requested
  }

  /** Makes ready for the group. A promise, where there is one, settles before `append`. */
  prepare(group: RecordGroup): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#needsNext(group)) return this.#begin(group)
    return this.#needsHeader(group) ? this.sync() : undefined
  }

  /** Writes a group with the mark that is due: at once, or when the promise settles. */
  append(group: RecordGroup): Promise<void> | undefined {
    const { segment, stream, writer } = this.#live!
    const { bytes, size, firstSequence, count, lastSequence, time } = group
    const isMarkDue = this.#synced === this.#written && this.#older === undefined
    const mark = isMarkDue ? markBatch(firstSequence) : undefined
    this.#written++
    const written = stream.append(bytes, size, firstSequence, count, 0, time, mark)
    const done = (): void => {
      segment.newest = this.#lastSequence = lastSequence
      segment.records += count
      segment.bytes = writer.position
    }
    // A sync beside it may have begun before its last bytes: they want one of their own.
    if (written !== undefined)
      return written.then(() => {
        this.#written++
        done()
      })
    done()
    return undefined
  }

  /** Settles when everything appended before the call survives power loss. */
  sync(): Promise<void> {
    return this.#sync((writer) => this.#zeros.sync(writer))
  }

  /** As `sync`, beside appends. */
  syncBeside(): Promise<void> {
    return this.#sync((writer) => writer.sync())
  }

  /** Ends the live segment: it is synced, sealed and closed in the background. */
  leave(): void {
    if (this.#live === undefined) return
    const { segment, stream, writer } = this.#live
    const [before, syncing, isDirty] = [this.#older, this.#syncing, this.isDirty]
    const next = this.#lastSequence + 1
    const time = this.setup.home.clock()
    const synced = (async () => {
      await Promise.all([before, syncing])
      if (isDirty) await writer.sync()
      await writer.pad(0)
      stream.seal(next, time, markBatch(next))
      await writer.sync()
      segment.bytes = writer.position
      segment.sealed = true
    })()
    this.#requested = this.#written
    this.#older = synced
    const settled = (): void => {
      if (this.#older === synced) this.#older = undefined
    }
    synced.then(settled, (error: unknown) => this.#fail(error))
    // What is synced stays so, whatever closing says.
    const close = async (): Promise<void> => {
      await writer.close().catch(() => {})
      this.#left--
    }
    const closedBefore = this.#olderClosed
    this.#olderClosed = synced.then(close, close).then(() => closedBefore)
    this.#left++
    this.closed.push(segment)
    this.#live = undefined
    this.rotations++
  }

  /** Settles when what was left is synced, sealed and closed. */
  async olderClosed(): Promise<void> {
    await this.#older
    await this.#olderClosed
  }

  /** Creates the next segment's file now, so that a rotation need not wait for the disk. */
  createAhead(): void {
    this.#ahead ??= this.#create()
    // A failure is reported by the rotation that wants the file.
    this.#ahead.catch(() => {})
  }

  /** Removes the oldest `count` closed segments; gives how many. What remains is synced. */
  async remove(count: number, { storage }: StoreHome): Promise<number> {
    await this.#tidy(storage)
    for (let left = count; left > 0; left--) {
      await storage.remove(this.closed[0]!.file)
      this.closed.shift()
      // Each is durable before the next, or a crash could leave a hole.
      this.#isUntidy = true
      await this.#tidy(storage)
    }
    return count
  }

  /** Puts a rewritten segment in the place of those whose range it covers. */
  async replace(writer: SegmentFileWriter, { storage }: StoreHome): Promise<SegmentInfo> {
    await this.#tidy(storage)
    const { header, name } = writer
    const segment = new Segment(name, header)
    segment.bytes = await writer.finish()
    segment.records = writer.records
    segment.newest = header.lastSequence
    segment.sealed = true
    try {
      await writer.publish()
    } finally {
      if (writer.isPublished) this.#putInPlace(segment)
    }
    await this.#tidy(storage)
    return segment.info()
  }

  /** Closes what is open and removes the file ahead. Never rejects. */
  async close(): Promise<void> {
    await this.#olderClosed
    await this.#live?.writer.close().catch(() => {})
    try {
      const ahead = await this.#ahead
      await ahead?.writer.close()
      if (ahead) await this.setup.home.storage.remove(ahead.writer.name)
    } catch {
      // It is empty, and the next opening removes it.
    }
  }

  /** From here on its file has the name, whether that is durable or not. */
  #putInPlace(segment: Segment): void {
    const { previousNumber, number: last } = segment.header
    const isCovered = ({ number }: Segment): boolean => number > previousNumber && number <= last
    const from = this.closed.findIndex(isCovered)
    const covered = this.closed.splice(from, this.closed.filter(isCovered).length, segment)
    this.#useless.push(...covered.map(({ file }) => file).filter((file) => file !== segment.file))
    this.#isUntidy = true
  }

  /** Makes durable what was removed and replaced, then removes what a rewritten segment covers. */
  async #tidy(storage: StoreHome['storage']): Promise<void> {
    if (!this.#isUntidy) return
    await storage.syncDirectory()
    const any = this.#useless.length > 0
    for (let file; (file = this.#useless[0]) !== undefined; this.#useless.shift())
      await storage.remove(file)
    if (any) await storage.syncDirectory()
    this.#isUntidy = false
  }

  #needsNext(group: RecordGroup): boolean {
    if (this.#live === undefined) return true
    const { segment } = this.#live
    if (segment.records === 0) return false
    const { setup } = this
    return (
      segment.bytes + group.size > setup.segmentBytes ||
      segment.records + group.count > setup.segmentRecords ||
      group.time - segment.createdAt > setup.segmentAgeMs * 1000 ||
      group.lastSequence >= segment.header.reservedSequence
    )
  }

  /** Whether an acknowledgement of the group must wait until a header is durable. */
  #needsHeader(group: RecordGroup): boolean {
    return this.setup.sync !== 'always' && group.lastSequence >= this.#reserved
  }

  async #begin(group: RecordGroup): Promise<void> {
    this.leave()
    const { home, sync, folder } = this.setup
    // Writers that outrun the disk wait here, before no file can be opened any more.
    if (this.#left > LEFT_MOST) await this.#olderClosed
    if (!this.#begun) await removeEnding(home)
    const { number, writer } = await this.#takeAhead()
    const { firstSequence, time: createdAt } = group
    const flags = (this.#begun ? 0 : SEGMENT_OPENED) | (sync === 'always' ? 0 : SEGMENT_UNSYNCED)
    const stream = new SegmentStream(home, writer, {
      isSnapshot: false,
      flags,
      number,
      previousNumber: this.closed.at(-1)?.number ?? 0,
      firstSequence,
      previousSequence: this.#lastSequence,
      lastSequence: 0,
      reservedSequence: Math.max(firstSequence + SEGMENT_RESERVED, group.lastSequence + 1),
      createdAt,
    })
    const segment = new Segment(segmentPath(folder, number), stream.header)
    segment.bytes = writer.position
    this.#live = { segment, writer, stream }
    this.#written++
    this.#zeros.restart()
    this.#begun = true
    if (!home.serial) this.createAhead()
    // The first header of an opening counts as a mark: it is never left to chance.
    if (this.#needsHeader(group)) await this.sync()
  }

  async #takeAhead(): Promise<Ahead> {
    const ahead = this.#ahead
    this.#ahead = undefined
    // What failed ahead of need may go now: no sync is tried again for that.
    const created = await ahead?.catch(() => undefined)
    if (this.#failure !== undefined) throw this.#failure
    return created ?? this.#create()
  }

  async #create(): Promise<Ahead> {
    const { home, folder } = this.setup
    const number = this.#nextNumber++
    const writer = await home.plane.createJournal(segmentPath(folder, number))
    try {
      await home.storage.syncDirectory()
    } catch (error) {
      this.#fail(error)
      await writer.close().catch(() => {})
      throw error
    }
    return { number, writer }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = error as Error
    this.onFailure(this.#failure)
  }

  async #sync(syncWriter: (writer: JournalWriter) => Promise<void>): Promise<void> {
    this.syncs++
    const live = this.#live
    const older = this.#older
    const upTo = this.#written
    if (live !== undefined && this.isDirty) {
      this.#requested = upTo
      const own = syncWriter(live.writer)
      this.#syncing = own
      const ended = (): void => {
        if (this.#syncing === own) this.#syncing = undefined
      }
      own.then(ended, ended)
    }
    await Promise.all([older, this.#syncing])
    this.#synced = Math.max(this.#synced, upTo)
    if (live !== undefined)
      this.#reserved = Math.max(this.#reserved, live.segment.header.reservedSequence)
  }
}
