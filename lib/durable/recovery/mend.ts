/**
 * Makes of a judged directory one that opens cleanly, safe against a crash at any step.
 *
 * Removals go from the newest file to the oldest, each durable before the next, so that no crash
 * leaves a hole in the chain. The newest name stays, as an empty file, and its number with it.
 */
import { keepAside } from '../../commit/aside.js'
import { DIRECTORY_DAMAGED } from '../../format/names.js'
import { SEGMENT_OPENED, SEGMENT_REWRITTEN, SEGMENT_UNSYNCED } from '../../format/segment.js'
import type { Storage } from '../../io/files.js'
import { removeEnding } from '../ending.js'
import { writeWhole } from '../../commit/file.js'
import type { StoreHome } from '../home.js'
import type { RecoveryMode } from '../options.js'
import { Segment } from '../segments/segment.js'
import { SegmentFileReader } from '../segments/reader.js'
import { SegmentFileWriter } from '../segments/writer.js'
import type { Cut, Replayed, Rewrite } from './replay.js'

/** Changes what replay told, and syncs what was not; gives the segments as they are then. */
export async function mend(
  home: StoreHome,
  replayed: Replayed,
  recovery: RecoveryMode,
): Promise<Segment[]> {
  const { storage } = home
  const { cut, unsealed, dropped, rewrite } = replayed.changes
  const rewritten = rewrite.map(({ segment }) => segment.file)
  if (recovery === 'salvage')
    await keepAside(storage, DIRECTORY_DAMAGED, [...dropped.map(({ file }) => file), ...rewritten])
  // The seal may be about what goes now.
  if (rewritten.length > 0 || dropped.length > 0) await removeEnding(home)
  await removeFiles(storage, replayed)
  if (cut !== undefined && !rewritten.includes(cut.file)) await cutFile(storage, cut)
  for (const each of unsealed) if (!rewritten.includes(each.file)) await cutFile(storage, each)
  if (!replayed.clean) await syncTail(storage, replayed)
  const anew = new Map<Segment, Segment>()
  for (const each of rewrite)
    anew.set(each.segment, await writeAnew(home, each, anew.get(each.previous!) ?? each.previous))
  return replayed.segments.map((segment) => anew.get(segment) ?? segment)
}

async function removeFiles(storage: Storage, { changes, segments }: Replayed): Promise<void> {
  for (const file of changes.obsolete) await storage.remove(file)
  if (changes.obsolete.length > 0) await storage.syncDirectory()
  const useless = [...changes.dropped, ...changes.empty].sort((a, b) => b.number - a.number)
  const newest = segments.at(-1)?.number ?? 0
  for (const [i, { file, number, sizeBytes }] of useless.entries()) {
    if (i === 0 && number > newest) {
      // Cutting it would cut what was kept aside.
      if (sizeBytes > 0) await writeWhole(storage, file, new Uint8Array(0))
      continue
    }
    await storage.remove(file)
    await storage.syncDirectory()
  }
}

async function cutFile(storage: Storage, { file, offset }: Cut): Promise<void> {
  const opened = await storage.open(file)
  try {
    await opened.truncate(offset)
    await opened.sync()
  } finally {
    await opened.close()
  }
}

/** Syncs every segment of the last opening: the process may have died before it did. */
async function syncTail(storage: Storage, { segments }: Replayed): Promise<void> {
  const opened = segments.findLastIndex(({ header }) => (header.flags & SEGMENT_OPENED) !== 0)
  for (const { file } of segments.slice(Math.max(opened, 0))) {
    const segment = await storage.open(file)
    try {
      await segment.sync()
    } finally {
      await segment.close()
    }
  }
  await storage.syncDirectory()
}

/** Writes what can be read of a segment in its place, linked to the one before. */
async function writeAnew(
  home: StoreHome,
  { segment, last }: Rewrite,
  previous: Segment | undefined,
): Promise<Segment> {
  const { header, file, newest } = segment
  const previousSequence = previous?.chainLast ?? header.previousSequence
  const writer = await SegmentFileWriter.create(home, file, {
    ...header,
    flags: SEGMENT_REWRITTEN | (header.flags & SEGMENT_UNSYNCED),
    previousNumber: previous?.number ?? header.previousNumber,
    previousSequence,
    firstSequence: previousSequence + 1,
    lastSequence: Math.max(last, previousSequence),
  })
  try {
    await copyRecords(home, segment, writer)
    const anew = new Segment(file, writer.header)
    anew.bytes = await writer.finish()
    anew.records = writer.records
    anew.newest = newest
    anew.sealed = true
    await writer.publish()
    return anew
  } finally {
    await writer.abandon()
  }
}

/** Copies what replay took from the segment, and nothing behind that. */
async function copyRecords(
  home: StoreHome,
  { file, newest }: Segment,
  writer: SegmentFileWriter,
): Promise<void> {
  const reader = await SegmentFileReader.open(home, file)
  try {
    for (;;) {
      for (;;) {
        const group = await reader.group()
        if (group === undefined || group.head.firstSequence > newest) break
        while (group.next()) {
          const { sequence, time, body, start, end } = group
          const written = writer.add(sequence, time, body, start, end)
          if (written) await written
        }
      }
      if (reader.bad === undefined || (await reader.skip()) >= reader.sizeBytes) return
    }
  } finally {
    await reader.close()
  }
}
