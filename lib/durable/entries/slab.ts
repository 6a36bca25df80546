/**
 * Slab: the memory of entries, outside V8's heap, in chunks of equal blocks.
 *
 * A block is named by one word, its chunk and its unit in the chunk; 0 names none. Sizes are
 * rounded up to classes a sixteenth apart, and each chunk serves one class, so that a freed block
 * fits the next of its size and a chunk without blocks goes back to the system. A large block has
 * a chunk of its own.
 */
import { StoreError } from '../../errors.js'
import { Memory } from '../../format/memory.js'

/** Blocks begin at multiples of this many bytes; a double never straddles two. */
export const SLAB_UNIT_BYTES = 8
/** A reference is a chunk's number above, a unit below. */
export const SLAB_UNIT_BITS = 17
export const SLAB_UNIT_MASK = (1 << SLAB_UNIT_BITS) - 1

const CHUNK_UNITS = 1 << SLAB_UNIT_BITS
/** The first chunk of a class; each later one is twice as large, up to CHUNK_UNITS. */
const FIRST_CHUNK_UNITS = 2048
/** A block that is larger has its own chunk. */
const LARGE_UNITS = CHUNK_UNITS / 2
/** Up to here each number of units is a class. */
const EXACT_UNITS = 32
const CHUNKS_MOST = 1 << (32 - SLAB_UNIT_BITS)
const NO_BLOCK = -1

interface Chunk {
  readonly number: number
  /** 0: one large block. */
  readonly sizeClass: number
  readonly units: number
  readonly blockUnits: number
  blocks: number
  /** Units behind it were never used. */
  end: number
  /** The first of the blocks that were freed, each of which names the next. */
  free: number
  /** Neighbours in the list of the class's chunks that have room. */
  previous: Chunk | undefined
  next: Chunk | undefined
}

export class Slab {
  /** The bytes of each chunk, and the same to copy from and to, as words and as doubles. */
  readonly memories: Memory<Buffer>[] = []
  readonly words: Int32Array[] = []
  readonly doubles: Float64Array[] = []
  readonly #chunks: (Chunk | undefined)[] = []
  /** By class: the chunks that have room, and how many there are in all. */
  readonly #first: (Chunk | undefined)[] = []
  readonly #counts: number[] = []
  /** Numbers of chunks that went. */
  readonly #numbers: number[] = []
  #units = 0

  constructor() {
    this.#place(0, Buffer.alloc(0))
  }

  /** Memory held, in bytes. */
  get memoryBytes(): number {
    return this.#units * SLAB_UNIT_BYTES
  }

  /** A block of at least so many bytes, with anything in it. */
  allocate(sizeBytes: number): number {
    const units = Math.ceil(sizeBytes / SLAB_UNIT_BYTES)
    if (units > LARGE_UNITS) return this.#large(units)
    const sizeClass = classOf(units)
    const chunk = this.#first[sizeClass] ?? this.#grow(sizeClass, units)
    let unit = chunk.free
    if (unit !== NO_BLOCK) chunk.free = this.words[chunk.number]![unit * 2]!
    else {
      unit = chunk.end
      chunk.end += chunk.blockUnits
    }
    chunk.blocks++
    if (!hasRoom(chunk)) this.#unlink(chunk)
    return (chunk.number << SLAB_UNIT_BITS) | unit
  }

  free(block: number): void {
    const chunk = this.#chunks[block >>> SLAB_UNIT_BITS]!
    const { sizeClass } = chunk
    chunk.blocks--
    if (sizeClass === 0) {
      this.#remove(chunk)
      return
    }
    if (!hasRoom(chunk)) this.#link(chunk)
    const unit = block & SLAB_UNIT_MASK
    this.words[chunk.number]![unit * 2] = chunk.free
    chunk.free = unit
    // One chunk with room stays, so that an entry that comes and goes does not move memory.
    if (chunk.blocks > 0 || (chunk.previous ?? chunk.next) === undefined) return
    this.#unlink(chunk)
    this.#counts[sizeClass]!--
    this.#remove(chunk)
  }

  #grow(sizeClass: number, units: number): Chunk {
    const count = this.#counts[sizeClass] ?? 0
    const blockUnits = roundedUnits(units)
    const wanted = Math.max(FIRST_CHUNK_UNITS * 2 ** Math.min(count, 6), blockUnits * 2)
    const chunkUnits = Math.min(CHUNK_UNITS, wanted)
    const chunk = this.#add(sizeClass, chunkUnits - (chunkUnits % blockUnits), blockUnits)
    this.#counts[sizeClass] = count + 1
    this.#link(chunk)
    return chunk
  }

  #large(units: number): number {
    const chunk = this.#add(0, units, units)
    chunk.blocks = 1
    return chunk.number << SLAB_UNIT_BITS
  }

  #add(sizeClass: number, units: number, blockUnits: number): Chunk {
    const number = this.#numbers.at(-1) ?? this.memories.length
    if (number === CHUNKS_MOST)
      throw new StoreError('CAIRN_CAPACITY', 'the map holds all the memory that it can name')
    const bytes = Buffer.allocUnsafeSlow(units * SLAB_UNIT_BYTES)
    this.#numbers.pop()
    this.#place(number, bytes)
    this.#units += units
    return (this.#chunks[number] = {
      ...{ number, sizeClass, units, blockUnits },
      ...{ blocks: 0, end: 0, free: NO_BLOCK, previous: undefined, next: undefined },
    })
  }

  #remove(chunk: Chunk): void {
    this.#place(chunk.number, NOTHING)
    this.#chunks[chunk.number] = undefined
    this.#numbers.push(chunk.number)
    this.#units -= chunk.units
  }

  #place(number: number, bytes: Buffer): void {
    this.memories[number] = new Memory(bytes)
    this.words[number] = new Int32Array(bytes.buffer, 0, bytes.length >>> 2)
    this.doubles[number] = new Float64Array(bytes.buffer, 0, bytes.length >>> 3)
  }

  #link(chunk: Chunk): void {
    const next = this.#first[chunk.sizeClass]
    chunk.next = next
    if (next !== undefined) next.previous = chunk
    this.#first[chunk.sizeClass] = chunk
  }

  #unlink(chunk: Chunk): void {
    const { previous, next } = chunk
    if (previous === undefined) this.#first[chunk.sizeClass] = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    chunk.previous = chunk.next = undefined
  }
}

const NOTHING = Buffer.allocUnsafeSlow(0)

function hasRoom(chunk: Chunk): boolean {
  return chunk.free !== NO_BLOCK || chunk.end < chunk.units
}

/** How far apart the classes are at this size: 1, 2, 4, ... units, as a power of two. */
function stepBits(units: number): number {
  return units <= EXACT_UNITS ? 0 : 27 - Math.clz32(units - 1)
}

function classOf(units: number): number {
  const bits = stepBits(units)
  return units <= EXACT_UNITS ? units : bits * 16 + ((units - 1) >> bits) + 1
}

function roundedUnits(units: number): number {
  const bits = stepBits(units)
  return (((units - 1) >> bits) + 1) << bits
}
