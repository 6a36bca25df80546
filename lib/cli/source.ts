/**
 * The bytes that a load reads: a file or standard input, checked and hashed as they pass.
 *
 * A digest of everything before an offset identifies the source at that offset: a later run
 * goes on there only when the same bytes lead to it. A line that was mended or added behind it
 * does no harm, and a pipe can be continued like a file.
 * Bytes that are not UTF-8 are refused by line number, never replaced.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { CommandError } from './failure.js'
import type { Streams } from './session.js'

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 0x0a

/** A wrong line of the input; lines count from 1. */
export function lineError(name: string, line: number, message: string): CommandError {
  return new CommandError(
    `${name}, line ${line}: ${message}`,
    'BAD_LINE',
    'mend the line and run it again: it goes on from there',
  )
}

export class Source {
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Buffer>
  readonly #hash: Hash = createHash('sha256')
  /** Read but not hashed yet: a digest is asked for at the ends of records only. */
  #unhashed: Buffer[] = []
  #hashed = 0
  /** Bytes read by `skip` that lie behind the offset asked for. */
  #left: Buffer | undefined
  #newlines = 0

  private constructor(
    readonly name: string,
    /** Undefined for a pipe. */
    readonly sizeBytes: number | undefined,
    stream: Readable,
  ) {
    this.#stream = stream
    // The reader hears of errors; one that comes when nobody reads must not end the process.
    stream.on('error', () => {})
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** `-` is standard input. Fails before anything is written when the file can not be read. */
  static async open(path: string, { stdin }: Streams): Promise<Source> {
    if (path === '-') return new Source('standard input', undefined, stdin)
    const file = await open(path, 'r')
    const stat = await file.stat()
    if (stat.isDirectory()) {
      await file.close()
      throw new CommandError(`${path} is a directory`, 'EISDIR', 'name a file')
    }
    const stream = createReadStream(path, { fd: file, highWaterMark: CHUNK_BYTES })
    return new Source(path, stat.isFile() ? stat.size : undefined, stream)
  }

  /** Reads up to `offset`; whether all before it has this digest. Only before `chunks`. */
  async skip(offset: number, digest: string, lines: number): Promise<boolean> {
    let position = 0
    while (position < offset) {
      const chunk = await this.#read()
      if (chunk === undefined) return false
      this.#unhashed.push(chunk)
      position += chunk.length
      if (position > offset) this.#left = chunk.subarray(chunk.length - (position - offset))
      this.digestAt(Math.min(position, offset))
    }
    // What lies behind the offset comes again from `chunks`.
    this.#unhashed = []
    this.#newlines = lines
    return this.digestAt(offset) === digest
  }

  /** The bytes from here on. */
  async *chunks(): AsyncGenerator<Buffer> {
    let tail: Buffer = Buffer.alloc(0)
    for (;;) {
      const chunk = this.#left ?? (await this.#read())
      this.#left = undefined
      if (chunk === undefined) break
      const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk])
      const whole = bytes.length - unfinishedBytes(bytes)
      const good = bytes.subarray(0, whole)
      if (!isUtf8(good)) yield* this.#refuse(good)
      tail = bytes.subarray(whole)
      if (whole > 0) yield this.#pass(good)
    }
    if (tail.length > 0) yield* this.#refuse(tail)
  }

  /** Hex SHA-256 of the first `offset` bytes; offsets may only grow, up to what was read. */
  digestAt(offset: number): string {
    while (this.#hashed < offset) {
      const [first] = this.#unhashed
      if (first === undefined) throw new RangeError(`offset ${offset} was not read yet`)
      const wanted = offset - this.#hashed
      if (first.length <= wanted) this.#unhashed.shift()
      else this.#unhashed[0] = first.subarray(wanted)
      this.#hash.update(first.subarray(0, wanted))
      this.#hashed += Math.min(first.length, wanted)
    }
    return this.#hash.copy().digest('hex')
  }

  close(reason?: Error): void {
    this.#stream.destroy(reason)
  }

  async #read(): Promise<Buffer | undefined> {
    const next = await this.#chunks.next()
    return next.done ? undefined : next.value
  }

  #pass(bytes: Buffer): Buffer {
    this.#unhashed.push(bytes)
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
      this.#newlines++
    }
    return bytes
  }

  /** Gives the lines before the wrong one, then fails. */
  *#refuse(bytes: Buffer): Generator<Buffer> {
    let start = 0
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start)
      const end = newline < 0 ? bytes.length : newline + 1
      if (newline < 0 || !isUtf8(bytes.subarray(start, end))) break
      start = end
    }
    if (start > 0) yield this.#pass(bytes.subarray(0, start))
    throw lineError(this.name, this.#newlines + 1, 'holds bytes that are not UTF-8')
  }
}

/** Bytes at the end that begin a character which the next chunk may finish: 0 to 3. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? back : 0
    }
  }
  return 0
}
