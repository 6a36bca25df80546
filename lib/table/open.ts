/**
 * Opening a table: footer, index, metaindex, filter and properties, out of as few reads as go.
 *
 * The steps are written once, as a generator that asks for ranges of the file and is answered
 * with synchronous or asynchronous reads. The first range asked for is the tail of the file,
 * which usually holds all that follows.
 * Format: docs/format/table.md
 * Twin: native/table/open.h
 */
import { corruption } from '../errors.js'
import { BLOCK_TRAILER_BYTES } from '../format/block.js'
import { FieldReader, FormatError } from '../format/coding.js'
import type { TableMeta } from '../format/edit.js'
import { FILTER_NAMES } from '../format/filter.js'
import { KEY_TRAILER_BYTES } from '../format/key.js'
import {
  TABLE_FOOTER_BYTES,
  TABLE_PROPERTIES_NAME,
  decodeFooter,
  decodeProperties,
  readHandle,
} from '../format/table.js'
import type { BlockHandle, TableFooter, TableProperties } from '../format/table.js'
import type { StorageFile } from '../io/files.js'
import { blockContents, parseBlock, sound } from './block.js'
import { FilterBlock } from './filter.js'
import { TableIndex } from './handles.js'
import { BlockWalk } from './walk.js'

const TAIL_BYTES = 64 * 1024
/** No writer shares so much between names that they outgrow their block by this. */
const NAMES_MAX_RATIO = 16

/** What an open table knows beside its data blocks. */
export interface TableParts {
  readonly index: TableIndex
  readonly filter: FilterBlock | undefined
  readonly properties: TableProperties | undefined
  readonly footer: TableFooter
  /** The blocks that the metaindex names, by name. */
  readonly named: ReadonlyMap<string, BlockHandle>
}

/** A range of the file that is wanted: offset and length in bytes. */
type Range = readonly [offset: number, length: number]
/** Asks for ranges and is given their bytes, all of them. */
type Steps<T> = Generator<Range, T, Uint8Array>

/**
 * The parts of the table in `file`, which must have the size that `meta` says. Rejects with
 * CAIRN_CORRUPTION or, for a block of a later format, CAIRN_FORMAT_VERSION.
 */
export async function openParts(file: StorageFile, meta: TableMeta): Promise<TableParts> {
  const steps = openSteps(file, meta)
  let step = steps.next()
  while (!step.done) {
    const [offset, length] = step.value
    const bytes = new Uint8Array(length)
    requireAll(file, await file.read(bytes, offset), bytes, offset)
    step = steps.next(bytes)
  }
  return step.value
}

/** The same at once; throws. */
export function openPartsSync(file: StorageFile, meta: TableMeta): TableParts {
  const steps = openSteps(file, meta)
  let step = steps.next()
  while (!step.done) {
    const [offset, length] = step.value
    const bytes = new Uint8Array(length)
    requireAll(file, file.readSync(bytes, offset), bytes, offset)
    step = steps.next(bytes)
  }
  return step.value
}

/** Throws CAIRN_CORRUPTION unless a read at `offset` filled all of `wanted`. */
export function requireAll(
  file: StorageFile,
  length: number,
  wanted: Uint8Array,
  offset: number,
): void {
  if (length !== wanted.length) throw corruption(file.name, offset + length, 'ends early')
}

function* openSteps(file: StorageFile, meta: TableMeta): Steps<TableParts> {
  const { name } = file
  const size = file.size()
  if (size !== meta.sizeBytes)
    throw corruption(
      name,
      Math.min(size, meta.sizeBytes),
      `${size} bytes instead of ${meta.sizeBytes}`,
    )
  if (size < TABLE_FOOTER_BYTES) throw corruption(name, 0, 'too short for a table')
  const tailStart = Math.max(0, size - TAIL_BYTES)
  const tail = yield [tailStart, size - tailStart]
  const footerStart = size - TABLE_FOOTER_BYTES
  const footer = sound(name, footerStart, () =>
    decodeFooter(tail.subarray(tail.length - TABLE_FOOTER_BYTES)),
  )

  function* contents({ offset, sizeBytes }: BlockHandle): Steps<Uint8Array> {
    if (offset + sizeBytes + BLOCK_TRAILER_BYTES > footerStart)
      throw corruption(name, footerStart, `block at ${offset} runs past the end`)
    if (offset >= tailStart) return blockContents(tail, offset - tailStart, sizeBytes, name, offset)
    const raw = yield [offset, sizeBytes + BLOCK_TRAILER_BYTES]
    return blockContents(raw, 0, sizeBytes, name, offset)
  }

  const indexBytes = yield* contents(footer.index)
  const at = footer.index.offset
  const indexBlock = parseBlock(indexBytes, 'internal', name, at)
  const index = sound(name, at, () => new TableIndex(indexBlock, footerStart))
  const named = decodeMetaindex(yield* contents(footer.metaindex), name, footer.metaindex.offset)
  const filterName = FILTER_NAMES.find((candidate) => named.has(candidate))
  const filter =
    filterName === undefined
      ? undefined
      : // A copy, so that the filter does not hold on to the whole tail.
        new FilterBlock((yield* contents(named.get(filterName)!)).slice())
  const handle = named.get(TABLE_PROPERTIES_NAME)
  let properties: TableProperties | undefined
  if (handle !== undefined) {
    const bytes = yield* contents(handle)
    properties = sound(name, handle.offset, () => decodeProperties(bytes))
  }
  return { index, filter, properties, footer, named }
}

function decodeMetaindex(
  bytes: Uint8Array,
  file: string,
  offset: number,
): Map<string, BlockHandle> {
  const block = parseBlock(bytes, 'plain', file, offset)
  return sound(file, offset, () => {
    const named = new Map<string, BlockHandle>()
    const walk = new BlockWalk()
    let nameBytes = 0
    if (block.entriesEnd > 0) walk.enterFirst(block)
    for (let more = walk.valid; more; more = walk.stepNext()) {
      nameBytes += walk.keyEnd + KEY_TRAILER_BYTES
      if (nameBytes > bytes.length * NAMES_MAX_RATIO)
        throw new FormatError('metaindex: too much name', walk.valueStart)
      // Names are no internal keys: what the walk takes for a trailer belongs to them.
      const name = Buffer.from(walk.keyBytes.subarray(0, walk.keyEnd + KEY_TRAILER_BYTES))
      const reader = new FieldReader(walk.valueBytes, walk.valueStart, walk.valueEnd)
      named.set(name.toString('latin1'), readHandle(reader))
    }
    return named
  })
}
