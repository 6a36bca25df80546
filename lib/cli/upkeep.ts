/**
 * The commands about a store as a whole: stats, verify, compact, backup, repair and destroy.
 *
 * Decides: that destroying asks for --yes and for files that only a store has.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { CommandError, usageError } from './failure.js'
import { unfinishedLoads } from './load.js'
import { columnsTable, factsTable } from './output.js'
import { requireDirectory, type GlobalOptions, type Session } from './session.js'
import { formatBytes, formatCount } from './text.js'
import { damageTable, tellVerdict } from './verdict.js'

/** Files that a directory with a store has, and hardly any other. */
const STORE_FILE = /^(CURRENT|MANIFEST-[0-9]+|[0-9]+\.(ldb|sst))$/

interface BackupOptions extends GlobalOptions {
  readonly since?: string
}

export function addUpkeepCommands(program: Command, session: Session): void {
  program
    .command('stats <dir>')
    .description('tell what a store holds: levels, sizes, plane, unfinished loads')
    .action(async (dir: string, _: unknown, command: Command) => {
      await stats(session, dir, command.optsWithGlobals())
    })
  program
    .command('verify <dir>')
    .description('read and check every byte; exit code 1 when there is damage')
    .action(async (dir: string, _: unknown, command: Command) => {
      await verify(session, dir, command.optsWithGlobals())
    })
  program
    .command('compact <dir>')
    .description('merge everything, which gives back the space of what was deleted')
    .action(async (dir: string, _: unknown, command: Command) => {
      await compact(session, dir, command.optsWithGlobals())
    })
  program
    .command('backup <dir> <to>')
    .description('copy a store into an empty directory; each backup is complete')
    .option('--since <dir>', 'an earlier backup whose files are linked instead of copied')
    .action(async (dir: string, to: string, _: unknown, command: Command) => {
      await backup(session, dir, to, command.optsWithGlobals())
    })
  program
    .command('repair <dir>')
    .description('rebuild a damaged store out of all that is valid; the rest is kept in lost/')
    .action(async (dir: string, _: unknown, command: Command) => {
      await repair(session, dir, command.optsWithGlobals())
    })
  program
    .command('destroy <dir>')
    .description("delete a store's files")
    .option('--yes', 'yes, delete it')
    .action(async (dir: string, _: unknown, command: Command) => {
      await destroy(session, dir, command.optsWithGlobals())
    })
}

async function stats(session: Session, dir: string, options: GlobalOptions): Promise<void> {
  const told = await session.withStore(dir, 'read', options, async (store) => ({
    directory: dir,
    diskBytes: await directoryBytes(dir),
    plane: store.plane,
    recovered: store.recovered,
    unfinishedLoads: await unfinishedLoads(store),
    stats: store.stats(),
  }))
  await session.tell(options, told, () => {
    const levels = told.stats.levels
      .map(({ files, bytes }, level) => ({ level, files, bytes }))
      .filter(({ files }) => files > 0)
      .map(({ level, files, bytes }) => [`level ${level}`, formatCount(files), formatBytes(bytes)])
    const facts: [string, string][] = [
      ['directory', dir],
      ['on disk', formatBytes(told.diskBytes)],
      ['in the journal', formatBytes(told.stats.memtableBytes)],
      ['plane', `${told.plane.name}, ${told.plane.io} (${told.plane.reason})`],
    ]
    for (const { source, records } of told.unfinishedLoads) {
      facts.push(['unfinished load', `${source}, after ${formatCount(records)} records`])
    }
    const tables =
      levels.length === 0 ? '' : `\n${columnsTable(['tables', 'files', 'size'], levels)}`
    return factsTable(facts) + tables
  })
}

async function verify(session: Session, dir: string, options: GlobalOptions): Promise<void> {
  await tellVerdict(
    session,
    options,
    session.withStore(dir, 'read', options, (store) => store.verify()),
  )
}

async function compact(session: Session, dir: string, options: GlobalOptions): Promise<void> {
  const told = await session.withStore(dir, 'write', options, async (store) => {
    const before = await directoryBytes(dir)
    await store.compactRange(undefined, undefined)
    return { bytesBefore: before, bytesAfter: await directoryBytes(dir) }
  })
  await session.tell(options, told, () => {
    return `${formatBytes(told.bytesBefore)} before, ${formatBytes(told.bytesAfter)} after`
  })
}

async function backup(
  session: Session,
  dir: string,
  to: string,
  options: BackupOptions,
): Promise<void> {
  if (options.since !== undefined) await requireDirectory(options.since)
  const since = options.since === undefined ? {} : { since: options.since }
  const report = await session.withStore(dir, 'write', options, (store) => store.backup(to, since))
  await session.tell(options, report, () => {
    const { tables, bytes, linked, copied, reused } = report
    const how = `${linked} linked, ${copied} copied, ${reused} of the earlier backup`
    return `backed up to ${to}: ${formatBytes(bytes)} in ${tables} tables (${how})`
  })
}

async function repair(session: Session, dir: string, options: GlobalOptions): Promise<void> {
  await requireDirectory(dir)
  const { CairnLevel } = await import('../stores/kv/index.js')
  const report = await CairnLevel.repair(dir, { plane: options.plane })
  await session.tell(options, report, () => {
    const { tables, journals, records, dropped } = report
    const what = `${formatCount(records)} records out of ${tables} tables and ${journals} journals`
    if (dropped.length === 0) return `repaired: ${what}`
    return `repaired: ${what}; what could not be read is kept in lost/\n${damageTable(dropped)}`
  })
}

async function destroy(
  session: Session,
  dir: string,
  options: GlobalOptions & { readonly yes?: boolean },
): Promise<void> {
  if (!options.yes) throw usageError(`this deletes the store in ${dir}: say --yes if you mean it`)
  await requireDirectory(dir)
  await requireStore(dir)
  const { CairnLevel } = await import('../stores/kv/index.js')
  await CairnLevel.destroy(dir)
  await session.tell(options, { destroyed: dir }, () => `the store in ${dir} is gone`)
}

/** CAIRN_MISSING unless the directory has a file that tells of a store. */
async function requireStore(dir: string): Promise<void> {
  const names = await readdir(dir)
  if (names.some((name) => STORE_FILE.test(name))) return
  throw new CommandError(`there is no store in ${dir}`, 'CAIRN_MISSING', 'nothing was deleted')
}

async function directoryBytes(dir: string): Promise<number> {
  let total = 0
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (!entry.isFile()) continue
    // A file may go away while we look.
    total += await stat(join(dir, entry.name)).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return total
}
