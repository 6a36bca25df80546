/**
 * The commands that write single records: put and del. Both are synced before they end.
 */
import type { Command } from 'commander'
import { argumentBytes, BASE64_HELP } from './read.js'
import type { GlobalOptions, Session } from './session.js'
import { bytesToJson, formatBytes } from './text.js'

interface WriteOptions extends GlobalOptions {
  readonly base64?: boolean
}

export function addWriteCommands(program: Command, session: Session): void {
  program
    .command('put <dir> <key> [value]')
    .description('store a value, durably; without a value, or with -, it is read from stdin')
    .option('--base64', BASE64_HELP)
    .action(
      async (dir: string, key: string, value: string | undefined, _: unknown, command: Command) => {
        await put(session, dir, key, value, command.optsWithGlobals())
      },
    )
  program
    .command('del <dir> <keys...>')
    .description('delete keys, durably and all at once; absent ones are fine')
    .option('--base64', BASE64_HELP)
    .action(async (dir: string, keys: string[], _: unknown, command: Command) => {
      await del(session, dir, keys, command.optsWithGlobals())
    })
}

async function put(
  session: Session,
  dir: string,
  key: string,
  value: string | undefined,
  options: WriteOptions,
): Promise<void> {
  const name = argumentBytes(key, options.base64)
  const bytes = await valueBytes(session, value, options)
  await session.withStore(dir, 'create', options, (store) => store.put(name, bytes, { sync: true }))
  await session.tell(options, { key: bytesToJson(name), bytes: bytes.length }, () => {
    return session.onTerminal(`stored ${formatBytes(bytes.length)}`)
  })
}

async function del(
  session: Session,
  dir: string,
  keys: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const names = keys.map((key) => argumentBytes(key, options.base64))
  const operations = names.map((key) => ({ type: 'del' as const, key }))
  await session.withStore(dir, 'write', options, (store) => store.batch(operations, { sync: true }))
  await session.tell(options, { keys: names.map(bytesToJson) }, () => {
    return session.onTerminal(names.length === 1 ? 'deleted' : `deleted ${names.length} keys`)
  })
}

/** A value from the command line, or all of standard input without one or with `-`. */
export async function valueBytes(
  session: Session,
  value: string | undefined,
  { base64 }: Pick<WriteOptions, 'base64'>,
): Promise<Buffer> {
  const isInput = value === undefined || value === '-'
  return isInput ? readInput(session) : argumentBytes(value, base64)
}

async function readInput({ signal, streams: { stdin } }: Session): Promise<Buffer> {
  const stop = (): void => void stdin.destroy(signal.reason as Error)
  signal.addEventListener('abort', stop)
  try {
    const parts: Buffer[] = []
    for await (const part of stdin) parts.push(part as Buffer)
    return Buffer.concat(parts)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
