/**
 * The secret of an encrypted store, from a file: never from the command line, which every user of
 * the machine can read.
 *
 * A key file has 32 bytes, or 64 hex digits and nothing else but a line end. A passphrase file has
 * the passphrase; one line end behind it is not part of it.
 */
import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import { usageError } from './failure.js'
import type { GlobalOptions } from './session.js'

const KEY_BYTES = 32
/** Of a file that may hold a secret. */
const MAX_BYTES = 64 * 1024

export interface SecretOptions extends GlobalOptions {
  readonly keyFile?: string
  readonly passphraseFile?: string
}

export function withSecret(command: Command): Command {
  return command
    .option('--key-file <file>', 'of an encrypted store: 32 bytes, or 64 hex digits')
    .option('--passphrase-file <file>', 'of an encrypted store: its passphrase')
}

/** The secret as the stores' options take it; none when no file was named. */
export async function readSecret(
  options: SecretOptions,
): Promise<{ key: Uint8Array } | { passphrase: string } | undefined> {
  const { keyFile, passphraseFile } = options
  if (keyFile !== undefined && passphraseFile !== undefined) {
    throw usageError('--key-file and --passphrase-file exclude each other')
  }
  if (keyFile !== undefined) return { key: keyOf(await bytesOf(keyFile), keyFile) }
  if (passphraseFile === undefined) return undefined
  const bytes = await bytesOf(passphraseFile)
  if (!isUtf8(bytes)) throw usageError(`${passphraseFile} is not UTF-8`)
  return { passphrase: bytes.toString().replace(/\r?\n$/, '') }
}

function keyOf(bytes: Buffer, file: string): Buffer {
  if (bytes.length === KEY_BYTES) return bytes
  const text = bytes.toString('latin1').trimEnd()
  if (/^[0-9A-Fa-f]{64}$/.test(text)) return Buffer.from(text, 'hex')
  throw usageError(`${file} is no key: it must hold 32 bytes or 64 hex digits`)
}

async function bytesOf(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const room = Buffer.alloc(MAX_BYTES + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(room, length, room.length - length)
      length += bytesRead
      if (length === room.length) throw usageError(`${file} is too large to be a secret`)
      if (bytesRead === 0) return room.subarray(0, length)
    }
  } finally {
    await handle.close()
  }
}
