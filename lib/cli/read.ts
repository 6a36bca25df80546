/**
 * The commands that read: get, range, count and dump.
 *
 * They open read-only and walk one snapshot, so that what they print was there all at once.
 * Decides: how records look: `key TAB value` for people, JSON lines for programs.
 */
import { InvalidArgumentError, type Command } from 'commander'
import { CommandError, usageError } from './failure.js'
import type { GlobalOptions, Session, Store } from './session.js'
import { bytesToJson, decodeBase64 } from './text.js'

const PAGE_ROWS = 1000

interface RangeOptions extends GlobalOptions {
  readonly gt?: string
  readonly gte?: string
  readonly lt?: string
  readonly lte?: string
  readonly reverse?: boolean
  readonly limit?: number
  readonly keys?: boolean
  readonly values?: boolean
  readonly base64?: boolean
}

export const BASE64_HELP = 'keys and values on the command line are base64'

/** A key or value from the command line as bytes. */
export function argumentBytes(text: string, base64: boolean | undefined): Buffer {
  if (!base64) return Buffer.from(text)
  const bytes = decodeBase64(text)
  if (bytes === undefined) throw usageError(`'${text}' is not base64`)
  return bytes
}

export function parseWhole(text: string): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

export function addReadCommands(program: Command, session: Session): void {
  program
    .command('get <dir> <key>')
    .description('print the value of a key; exit code 1 when there is none')
    .option('--base64', BASE64_HELP)
    .action(async (dir: string, key: string, _: unknown, command: Command) => {
      await get(session, dir, key, command.optsWithGlobals())
    })
  const range = program.command('range <dir>').description('print records in the order of keys')
  withBounds(range)
    .option('--limit <n>', 'at most this many', parseWhole)
    .option('--reverse', 'from the last to the first')
    .option('--keys', 'keys only')
    .option('--values', 'values only')
    .action(async (dir: string, _: unknown, command: Command) => {
      await printRange(session, dir, command.optsWithGlobals())
    })
  withBounds(program.command('count <dir>').description('count records')).action(
    async (dir: string, _: unknown, command: Command) => {
      await count(session, dir, command.optsWithGlobals())
    },
  )
  program
    .command('dump <dir>')
    .description('print every record as a JSON line; `cairn load DIR -` takes them back')
    .action(async (dir: string, _: unknown, command: Command) => {
      await printRange(session, dir, { ...command.optsWithGlobals<GlobalOptions>(), json: true })
    })
}

function withBounds(command: Command): Command {
  return command
    .option('--gt <key>', 'after this key')
    .option('--gte <key>', 'from this key')
    .option('--lt <key>', 'before this key')
    .option('--lte <key>', 'up to this key')
    .option('--base64', BASE64_HELP)
}

async function get(
  session: Session,
  dir: string,
  key: string,
  options: RangeOptions,
): Promise<void> {
  const wanted = argumentBytes(key, options.base64)
  const value = await session.withStore(dir, 'read', options, (store) => store.get(wanted))
  await printValue(session, options, key, wanted, value)
}

/** Prints what was found under `key`, whose bytes are `wanted`; fails when that is nothing. */
export async function printValue(
  { output, streams }: Session,
  options: GlobalOptions,
  key: string,
  wanted: Buffer,
  value: Buffer | undefined,
): Promise<void> {
  if (value === undefined) throw new CommandError(`there is no key '${key}'`, 'CAIRN_NOT_FOUND')
  if (options.json) {
    await output.json({ key: bytesToJson(wanted), value: bytesToJson(value) })
  } else {
    output.raw(value)
    // A file or a pipe gets the value alone, byte for byte.
    if (streams.stdout.isTTY) await output.line()
  }
  await output.flush()
}

function bounds(options: RangeOptions): Record<string, Buffer> {
  const found: Record<string, Buffer> = {}
  for (const name of ['gt', 'gte', 'lt', 'lte'] as const) {
    const text = options[name]
    if (text !== undefined) found[name] = argumentBytes(text, options.base64)
  }
  return found
}

async function printRange(session: Session, dir: string, options: RangeOptions): Promise<void> {
  if (options.keys && options.values) throw usageError('--keys and --values exclude each other')
  const range = {
    ...bounds(options),
    reverse: options.reverse === true,
    limit: options.limit ?? -1,
    keys: !options.values,
    values: !options.keys,
  }
  await session.withStore(dir, 'read', options, async (store) => {
    const iterator = store.iterator(range)
    try {
      for (;;) {
        const rows = await iterator.nextv(PAGE_ROWS)
        if (rows.length === 0) break
        for (const row of rows) await printRow(session, row, options)
      }
    } finally {
      await iterator.close()
    }
    await session.output.flush()
  })
}

function printRow(
  session: Session,
  row: readonly [Buffer | undefined, Buffer | undefined],
  options: RangeOptions,
): Promise<void> | undefined {
  const [key, value] = row
  if (options.json) {
    return session.output.json({
      ...(key !== undefined && { key: bytesToJson(key) }),
      ...(value !== undefined && { value: bytesToJson(value) }),
    })
  }
  if (key !== undefined && value !== undefined) return session.output.line(key, '\t', value)
  return session.output.line(key ?? value ?? '')
}

async function count(session: Session, dir: string, options: RangeOptions): Promise<void> {
  const range = bounds(options)
  const total = await session.withStore(dir, 'read', options, (store) => countKeys(store, range))
  await session.output.line(options.json ? JSON.stringify({ count: total }) : String(total))
  await session.output.flush()
}

async function countKeys(store: Store, range: Record<string, Buffer>): Promise<number> {
  const keys = store.keys(range)
  let total = 0
  try {
    for (;;) {
      const page = await keys.nextv(PAGE_ROWS)
      if (page.length === 0) return total
      total += page.length
    }
  } finally {
    await keys.close()
  }
}
