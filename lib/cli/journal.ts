/**
 * The commands about a journal: ls, dump, verify and trim.
 *
 * All but trim open read-only, and none creates a journal.
 */
import { fstatSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import type { Journal, SegmentInfo } from '../stores/journal/index.js'
import { columnsTable } from './output.js'
import { progressBar, timed } from './progress.js'
import { parseWhole } from './read.js'
import { readSecret, withSecret, type SecretOptions } from './secret.js'
import type { Session } from './session.js'
import { bytesToJson, formatBytes, formatCount } from './text.js'
import { tellVerdict } from './verdict.js'

/** Records between two looks at the bar. */
const BAR_STEP = 1000

interface DumpOptions extends SecretOptions {
  readonly from?: number
  readonly to?: number
}

interface TrimOptions extends SecretOptions {
  readonly before: number
}

export function addJournalCommands(program: Command, session: Session): void {
  const journal = program.command('journal').description('look into and look after a journal')
  withSecret(journal.command('ls <dir>'))
    .description('list the segments, oldest first')
    .action(async (dir: string, _: unknown, command: Command) => {
      await list(session, dir, command.optsWithGlobals())
    })
  withSecret(journal.command('dump <dir>'))
    .description('print records as JSON lines: sequence, time in microseconds, payload')
    .option('--from <n>', 'the first sequence', parseSequence)
    .option('--to <n>', 'the last sequence', parseSequence)
    .action(async (dir: string, _: unknown, command: Command) => {
      await dump(session, dir, command.optsWithGlobals())
    })
  withSecret(journal.command('verify <dir>'))
    .description('read and check every byte; exit code 1 when there is damage')
    .action(async (dir: string, _: unknown, command: Command) => {
      await verify(session, dir, command.optsWithGlobals())
    })
  withSecret(journal.command('trim <dir>'))
    .description('delete whole segments whose records are all older than a sequence')
    .requiredOption('--before <n>', 'the first sequence that must stay', parseSequence)
    .action(async (dir: string, _: unknown, command: Command) => {
      await trim(session, dir, command.optsWithGlobals())
    })
}

function parseSequence(text: string): number {
  const sequence = parseWhole(text)
  if (sequence > 0) return sequence
  throw new InvalidArgumentError('Sequences begin at 1.')
}

async function withJournal<T>(
  session: Session,
  dir: string,
  mode: 'read' | 'write',
  options: SecretOptions,
  work: (journal: Journal) => Promise<T>,
): Promise<T> {
  const secret = await readSecret(options)
  const open = async (): Promise<Journal> => {
    const { Journal } = await import('../stores/journal/index.js')
    const readOnly = mode === 'read'
    return Journal.open(dir, { ...secret, createIfMissing: false, readOnly, plane: options.plane })
  }
  return session.using(dir, mode, open, work)
}

async function list(session: Session, dir: string, options: SecretOptions): Promise<void> {
  await withJournal(session, dir, 'read', options, async (journal) => {
    const segments = journal.segments()
    const { output } = session
    if (options.json) for (const segment of segments) await output.json(segment)
    else await output.line(segmentsTable(segments))
    await output.flush()
  })
}

function segmentsTable(segments: readonly SegmentInfo[]): string {
  const rows = segments.map((segment) => [
    segment.file,
    formatCount(segment.firstSequence),
    formatCount(segment.lastSequence),
    formatCount(segment.records),
    formatBytes(segment.bytes),
    new Date(segment.createdAt).toISOString(),
    segment.sealed ? 'sealed' : 'open',
    segment.encrypted ? 'encrypted' : 'plain',
  ])
  return columnsTable(['segment', 'first', 'last', 'records', 'size', 'created', '', ''], rows)
}

async function dump(session: Session, dir: string, options: DumpOptions): Promise<void> {
  await withJournal(session, dir, 'read', options, async (journal) => {
    const { output, signal } = session
    const { from = journal.firstSequence, to = journal.lastSequence } = options
    // A terminal or a pipe shows by itself how far it is.
    const toFile = isFile(session.streams.stdout.fd)
    const bar = toFile ? progressBar(session, options, 'dumping', to - from + 1) : undefined
    try {
      for await (const { sequence, time, payload } of journal.read(options)) {
        await output.json({ sequence, time, payload: bytesToJson(payload) })
        if (sequence % BAR_STEP !== 0) continue
        signal.throwIfAborted()
        bar?.update(sequence - from + 1)
      }
    } finally {
      bar?.stop()
    }
    await output.flush()
  })
}

function isFile(descriptor: number | undefined): boolean {
  try {
    return descriptor !== undefined && fstatSync(descriptor).isFile()
  } catch {
    return false
  }
}

async function verify(session: Session, dir: string, options: SecretOptions): Promise<void> {
  const verified = withJournal(session, dir, 'read', options, (journal) => journal.verify())
  await tellVerdict(session, options, timed(session, options, 'verifying', verified))
}

async function trim(session: Session, dir: string, options: TrimOptions): Promise<void> {
  const told = await withJournal(session, dir, 'write', options, async (journal) => {
    const segmentsDeleted = await journal.trim(options.before)
    return { segmentsDeleted, firstSequence: journal.firstSequence }
  })
  await session.tell(options, told, () => {
    const { segmentsDeleted, firstSequence } = told
    const deleted = `deleted ${formatCount(segmentsDeleted)} segments`
    return `${deleted}; the first sequence is ${formatCount(firstSequence)}`
  })
}
