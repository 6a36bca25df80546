/**
 * Blocks: sorted entries with shared prefixes, and restart points where nothing is shared.
 *
 * A Block has passed its checksum and a walk over its structure: every header, length and restart
 * point lies inside it, so that searches need no checks. The order of its keys is not looked at
 * here (see stream.ts and verify.ts, which do).
 * Format: docs/format/table.md (blocks)
 * Twin: native/table/block.h
 */
import { crc32c } from '../checksum/crc32c.js'
import { BLOCK_KIND_NONE, BLOCK_KIND_SNAPPY, BLOCK_KIND_ZSTD } from '../format/block.js'
import { maskCrc } from '../format/checksum.js'
import { KEY_TRAILER_BYTES, KEY_TYPE_VALUE } from '../format/key.js'
import {
  FormatError,
  VARINT32_MAX_BYTES,
  fixed32,
  putFixed32,
  putVarint,
} from '../format/coding.js'
import { StoreError, corruption } from '../errors.js'
import { unsnappy } from './snappy.js'

/** Shorter pieces are copied faster by a loop than by the runtime. */
const LOOP_BYTES = 64

/** Verified contents. The last four fields belong to the block cache. */
export class Block {
  slots: (Block | undefined)[] | undefined = undefined
  ordinal = 0
  ringIndex = 0
  referenced = false

  constructor(
    readonly bytes: Uint8Array,
    /** Where the entries end and the restart points begin. */
    readonly entriesEnd: number,
    readonly restarts: number,
  ) {}

  /** Offset of the entry at restart point `index`. */
  restart(index: number): number {
    return fixed32(this.bytes, this.entriesEnd + index * 4)
  }
}

/**
 * Verifies the block that lies in `raw` from `start` on, `sizeBytes` and a trailer long, and gives
 * its uncompressed contents: a view of `raw` unless they were compressed. `file` and `offset` say
 * where it came from. Throws CAIRN_CORRUPTION, or CAIRN_FORMAT_VERSION for Zstandard.
 */
export function blockContents(
  raw: Uint8Array,
  start: number,
  sizeBytes: number,
  file: string,
  offset: number,
): Uint8Array {
  const end = start + sizeBytes
  if (fixed32(raw, end + 1) !== maskCrc(crc32c(raw, 0, start, end + 1)))
    throw corruption(file, offset, 'checksum mismatch')
  const contents = raw.subarray(start, end)
  const kind = raw[end]!
  if (kind === BLOCK_KIND_NONE) return contents
  if (kind === BLOCK_KIND_SNAPPY) return sound(file, offset, () => unsnappy(contents))
  if (kind === BLOCK_KIND_ZSTD)
    throw new StoreError(
      'CAIRN_FORMAT_VERSION',
      `${file}: the block at byte ${offset} is compressed with zstd, not supported`,
      { file, offset },
    )
  throw corruption(file, offset, `unknown kind of block ${kind}`)
}

/** Checks the structure of contents, whose keys are internal keys or plain bytes. */
export function parseBlock(
  contents: Uint8Array,
  keys: 'internal' | 'plain',
  file: string,
  offset: number,
): Block {
  return sound(file, offset, () => {
    if (contents.length < 4) throw new FormatError('block is too short', 0)
    const restarts = fixed32(contents, contents.length - 4)
    const entriesEnd = contents.length - 4 - restarts * 4
    if (restarts === 0 || entriesEnd < 0) throw new FormatError('bad number of restarts', 0)
    const block = new Block(contents, entriesEnd, restarts)
    checkEntries(block, keys === 'internal')
    return block
  })
}

/** Runs a decoder of bytes that lie at `offset` of `file`: its FormatError becomes corruption. */
export function sound<T>(file: string, offset: number, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof FormatError) throw corruption(file, offset, error.message)
    throw error
  }
}

function checkEntries(block: Block, internal: boolean): void {
  const { bytes, entriesEnd, restarts } = block
  let restart = 0
  let nextRestart = block.restart(0)
  let keyLength = 0
  let at = 0
  while (at < entriesEnd) {
    let p = at
    let shared = bytes[p++]!
    let fresh = bytes[p++]!
    let valueLength = bytes[p++]!
    if ((shared | fresh | valueLength) >= 0x80) {
      p = checkVarint(bytes, at, entriesEnd)
      shared = varintAt(bytes, at)
      fresh = varintAt(bytes, p)
      p = checkVarint(bytes, p, entriesEnd)
      valueLength = varintAt(bytes, p)
      p = checkVarint(bytes, p, entriesEnd)
    }
    if (shared > keyLength) throw new FormatError('entry shares more than the key before', at)
    if (fresh + valueLength > entriesEnd - p) throw new FormatError('entry is cut short', at)
    keyLength = shared + fresh
    if (internal) checkInternal(bytes, p, shared, keyLength, at)
    if (at === nextRestart) {
      if (shared !== 0) throw new FormatError('restart point shares a prefix', at)
      restart++
      nextRestart = restart < restarts ? block.restart(restart) : -1
    }
    at = p + fresh + valueLength
  }
  const empty = entriesEnd === 0 && restarts === 1 && nextRestart === 0
  if (restart !== restarts && !empty) throw new FormatError('bad restart points', at)
  if (entriesEnd > 0 && block.restart(0) !== 0) throw new FormatError('bad restart points', 0)
}

/** Checks an internal key, the rest of which lies at `keyStart`; a type byte that is shared was
 * checked where it is first written, but for keys of other length (which verify looks at). */
function checkInternal(
  bytes: Uint8Array,
  keyStart: number,
  shared: number,
  keyLength: number,
  at: number,
): void {
  if (keyLength < KEY_TRAILER_BYTES) throw new FormatError('key is too short', at)
  const typeAt = keyLength - KEY_TRAILER_BYTES - shared
  if (typeAt >= 0 && bytes[keyStart + typeAt]! > KEY_TYPE_VALUE)
    throw new FormatError('unknown type of entry', at)
}

/** Checks that a varint32 lies at `at`, before `end`; gives the offset behind it. */
function checkVarint(bytes: Uint8Array, at: number, end: number): number {
  const limit = Math.min(end, at + VARINT32_MAX_BYTES)
  for (let p = at; p < limit; p++) if (bytes[p]! < 0x80) return p + 1
  throw new FormatError('bad varint', at)
}

/** A checked varint32; `bytes[p++] >= 0x80` finds its end. */
export function varintAt(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++]!
  let value = byte & 0x7f
  let scale = 0x80
  while (byte >= 0x80) {
    byte = bytes[at++]!
    value += (byte & 0x7f) * scale
    scale *= 0x80
  }
  return value
}

/** Copies source[start..end) to target[at..]. */
export function copyBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start > LOOP_BYTES) target.set(source.subarray(start, end), at)
  else while (start < end) target[at++] = source[start++]!
}

/** Builds the contents of one block; keys are given whole and in order. */
export class BlockWriter {
  readonly #interval: number
  #bytes = new Uint8Array(8192)
  #end = 0
  #last = new Uint8Array(64)
  #lastLength = 0
  #restarts: number[] = [0]
  /** Entries since the last restart point. */
  #since = 0

  constructor(restartInterval: number) {
    this.#interval = restartInterval
  }

  get empty(): boolean {
    return this.#end === 0
  }

  /** Bytes of the contents if they were finished now. */
  get sizeBytes(): number {
    return this.#end + this.#restarts.length * 4 + 4
  }

  add(
    key: Uint8Array,
    keyLength: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    let shared = 0
    if (this.#since < this.#interval) {
      const last = this.#last
      const limit = Math.min(this.#lastLength, keyLength)
      while (shared < limit && last[shared] === key[shared]) shared++
    } else {
      this.#restarts.push(this.#end)
      this.#since = 0
    }
    const fresh = keyLength - shared
    const valueLength = valueEnd - valueStart
    this.#room(fresh + valueLength + 3 * VARINT32_MAX_BYTES)
    const bytes = this.#bytes
    let end = putVarint(bytes, this.#end, shared)
    end = putVarint(bytes, end, fresh)
    end = putVarint(bytes, end, valueLength)
    copyBytes(bytes, end, key, shared, keyLength)
    copyBytes(bytes, end + fresh, valueBytes, valueStart, valueEnd)
    this.#end = end + fresh + valueLength
    this.#remember(key, shared, keyLength)
    this.#since++
  }

  /** The contents, as a view that holds until the next `add`; the writer begins anew. */
  finish(): Uint8Array {
    this.#room(this.#restarts.length * 4 + 4)
    let end = this.#end
    for (const restart of this.#restarts) end = putFixed32(this.#bytes, end, restart)
    end = putFixed32(this.#bytes, end, this.#restarts.length)
    this.#end = 0
    this.#lastLength = 0
    this.#restarts = [0]
    this.#since = 0
    return this.#bytes.subarray(0, end)
  }

  #remember(key: Uint8Array, shared: number, keyLength: number): void {
    if (keyLength > this.#last.length) {
      const grown = new Uint8Array(keyLength * 2)
      grown.set(this.#last.subarray(0, shared))
      this.#last = grown
    }
    copyBytes(this.#last, shared, key, shared, keyLength)
    this.#lastLength = keyLength
  }

  #room(more: number): void {
    const need = this.#end + more
    if (need <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(need, Math.min(this.#bytes.length * 2, 2 ** 30)))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}
