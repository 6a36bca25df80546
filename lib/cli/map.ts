/**
 * The commands about a map: get, set, del, ls, snapshot, snapshots, verify and compact.
 *
 * What is written is synced before the command ends. Reading opens read-only and creates nothing.
 */
import type { Command } from 'commander'
import type { DurableMap, SnapshotInfo } from '../stores/map/index.js'
import { columnsTable } from './output.js'
import { timed } from './progress.js'
import { argumentBytes, BASE64_HELP, parseWhole, printValue } from './read.js'
import { readSecret, withSecret, type SecretOptions } from './secret.js'
import type { OpenMode, Session } from './session.js'
import { bytesToJson, formatBytes, formatCount } from './text.js'
import { tellVerdict } from './verdict.js'
import { valueBytes } from './write.js'

/** Keys between two looks for a signal. */
const SIGNAL_STEP = 1000

interface KeyOptions extends SecretOptions {
  readonly base64?: boolean
}

interface ListOptions extends KeyOptions {
  readonly prefix?: string
  readonly limit?: number
}

interface SnapshotOptions extends SecretOptions {
  readonly incremental?: boolean
}

type ByteMap = DurableMap<Buffer, Buffer>

export function addMapCommands(program: Command, session: Session): void {
  const map = program.command('map').description('look into, fill and look after a map')
  addRecordCommands(map, session)
  withSecret(map.command('snapshot <dir>'))
    .description('write a snapshot: all entries, or what changed since the one before')
    .option('--incremental', 'only what changed since the snapshot before')
    .action(async (dir: string, _: unknown, command: Command) => {
      await takeSnapshot(session, dir, command.optsWithGlobals())
    })
  withSecret(map.command('snapshots <dir>'))
    .description('list the snapshots, oldest first')
    .action(async (dir: string, _: unknown, command: Command) => {
      await listSnapshots(session, dir, command.optsWithGlobals())
    })
  withSecret(map.command('verify <dir>'))
    .description('read and check every byte; exit code 1 when there is damage')
    .action(async (dir: string, _: unknown, command: Command) => {
      await verify(session, dir, command.optsWithGlobals())
    })
  withSecret(map.command('compact <dir>'))
    .description('rewrite the journal without what was overwritten or deleted')
    .action(async (dir: string, _: unknown, command: Command) => {
      await compact(session, dir, command.optsWithGlobals())
    })
}

function addRecordCommands(map: Command, session: Session): void {
  withSecret(map.command('get <dir> <key>'))
    .description('print the value of a key; exit code 1 when there is none')
    .option('--base64', BASE64_HELP)
    .action(async (dir: string, key: string, _: unknown, command: Command) => {
      await get(session, dir, key, command.optsWithGlobals())
    })
  withSecret(map.command('set <dir> <key> [value]'))
    .description('store a value, durably; without a value, or with -, it is read from stdin')
    .option('--base64', BASE64_HELP)
    .action(
      async (dir: string, key: string, value: string | undefined, _: unknown, command: Command) => {
        await set(session, dir, key, value, command.optsWithGlobals())
      },
    )
  withSecret(map.command('del <dir> <key>'))
    .description('delete a key, durably; an absent one is fine')
    .option('--base64', BASE64_HELP)
    .action(async (dir: string, key: string, _: unknown, command: Command) => {
      await del(session, dir, key, command.optsWithGlobals())
    })
  withSecret(map.command('ls <dir>'))
    .description('list keys, in no order; with --json their versions and sizes too')
    .option('--prefix <text>', 'only keys that begin so')
    .option('--limit <n>', 'at most this many', parseWhole)
    .option('--base64', BASE64_HELP)
    .action(async (dir: string, _: unknown, command: Command) => {
      await list(session, dir, command.optsWithGlobals())
    })
}

async function withMap<T>(
  session: Session,
  dir: string,
  mode: OpenMode,
  options: SecretOptions,
  work: (map: ByteMap) => Promise<T>,
): Promise<T> {
  const secret = await readSecret(options)
  const open = async (): Promise<ByteMap> => {
    const { DurableMap } = await import('../stores/map/index.js')
    return DurableMap.open<Buffer, Buffer>(dir, {
      ...secret,
      createIfMissing: mode === 'create',
      readOnly: mode === 'read',
      plane: options.plane,
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      sync: 'always',
    })
  }
  return session.using(dir, mode, open, work)
}

async function get(session: Session, dir: string, key: string, options: KeyOptions): Promise<void> {
  const wanted = argumentBytes(key, options.base64)
  const value = await withMap(session, dir, 'read', options, async (map) => map.get(wanted))
  await printValue(session, options, key, wanted, value)
}

async function set(
  session: Session,
  dir: string,
  key: string,
  value: string | undefined,
  options: KeyOptions,
): Promise<void> {
  const name = argumentBytes(key, options.base64)
  const bytes = await valueBytes(session, value, options)
  const version = await withMap(session, dir, 'create', options, (map) => map.set(name, bytes))
  const told = { key: bytesToJson(name), bytes: bytes.length, version }
  await session.tell(options, told, () => session.onTerminal(`stored ${formatBytes(bytes.length)}`))
}

async function del(session: Session, dir: string, key: string, options: KeyOptions): Promise<void> {
  const name = argumentBytes(key, options.base64)
  const deleted = await withMap(session, dir, 'write', options, (map) => map.delete(name))
  await session.tell(options, { key: bytesToJson(name), deleted }, () => {
    return session.onTerminal(deleted ? 'deleted' : 'it was not there')
  })
}

async function list(session: Session, dir: string, options: ListOptions): Promise<void> {
  const { limit = Infinity } = options
  const prefix = argumentBytes(options.prefix ?? '', options.base64)
  await withMap(session, dir, 'read', options, async (map) => {
    const { output, signal } = session
    let [seen, listed] = [0, 0]
    for (const key of limit === 0 ? [] : map.keys()) {
      if (++seen % SIGNAL_STEP === 0) signal.throwIfAborted()
      if (!key.subarray(0, prefix.length).equals(prefix)) continue
      await (options.json ? output.json(described(map, key)) : output.line(key))
      if (++listed >= limit) break
    }
    await output.flush()
  })
}

function described(map: ByteMap, key: Buffer): object {
  const bytes = map.get(key)?.length
  return { key: bytesToJson(key), version: map.version(key), bytes }
}

async function takeSnapshot(
  session: Session,
  dir: string,
  options: SnapshotOptions,
): Promise<void> {
  const { incremental = false } = options
  const taken = withMap(session, dir, 'write', options, (map) => map.snapshot({ incremental }))
  const info = await timed(session, options, 'writing a snapshot', taken)
  await session.tell(options, info, () => {
    const { number, kind, entries, bytes, position } = info
    const what = `${formatCount(entries)} entries, ${formatBytes(bytes)}`
    return `snapshot ${number}, ${kind}: ${what}, up to sequence ${formatCount(position)}`
  })
}

async function listSnapshots(session: Session, dir: string, options: SecretOptions): Promise<void> {
  await withMap(session, dir, 'read', options, async (map) => {
    const snapshots = await map.snapshots()
    const { output } = session
    if (options.json) for (const snapshot of snapshots) await output.json(snapshot)
    else await output.line(snapshotsTable(snapshots))
    await output.flush()
  })
}

function snapshotsTable(snapshots: readonly SnapshotInfo[]): string {
  const rows = snapshots.map(({ number, kind, base, createdAt, position, entries, bytes }) => [
    String(number),
    base === undefined ? kind : `${kind}, on ${base}`,
    formatCount(position),
    formatCount(entries),
    formatBytes(bytes),
    new Date(createdAt).toISOString(),
  ])
  return columnsTable(['snapshot', 'kind', 'up to', 'entries', 'size', 'created'], rows)
}

async function verify(session: Session, dir: string, options: SecretOptions): Promise<void> {
  const verified = withMap(session, dir, 'read', options, (map) => map.verify())
  await tellVerdict(session, options, timed(session, options, 'verifying', verified))
}

async function compact(session: Session, dir: string, options: SecretOptions): Promise<void> {
  const work = withMap(session, dir, 'write', options, (map) => map.compact())
  const { beforeBytes, afterBytes } = await timed(session, options, 'compacting', work)
  const told = { bytesBefore: beforeBytes, bytesAfter: afterBytes }
  await session.tell(options, told, () => {
    return `${formatBytes(beforeBytes)} before, ${formatBytes(afterBytes)} after`
  })
}
