/**
 * The content of one file in memory, and what of it a power cut may leave.
 *
 * `#live` is the content as everybody reads it, `#base` what was last synced, `#changes` the
 * writes and truncations since, in order. A crash gives the base with any subset of the changes,
 * a write in pieces of one sector: rendered on demand.
 *
 * Bases are views of live memory, shared with crash clones, and are never written to: memory
 * below `#frozen` is copied before it changes, and a file that shrinks moves to other memory.
 * Where synced bytes are written over, the base moves to memory of its own instead, so that the
 * next sync costs what was changed and not the whole file.
 */
import { StoreError } from '../errors.js'
import type { StorageFile } from './files.js'
import { checkBytes, errno, systemError } from './storage.js'

const SECTOR_BYTES = 512
const NOTHING = new Uint8Array(0)

interface Change {
  /** What was written at `position`; undefined for a truncation to `position`. */
  readonly bytes: Uint8Array | undefined
  readonly position: number
  /** Size of the live content after it. */
  readonly sizeAfter: number
}

export class Inode {
  #live: Uint8Array = NOTHING
  #size = 0
  #base: Uint8Array = NOTHING
  #frozen = 0
  /** The base's own memory, zeros behind it; undefined while the base is a view of live memory. */
  #apart: Uint8Array | undefined
  /** A crash clone may hold the base. */
  #lent = false
  #changes: Change[] = []
  /** Changes ever made, and those of them that are synced. */
  #made = 0
  #synced = 0

  /** A file that holds `bytes`, synced. They are shared, and not written to. */
  static of(bytes: Uint8Array): Inode {
    const inode = new Inode()
    inode.#live = inode.#base = bytes
    inode.#size = inode.#frozen = bytes.length
    return inode
  }

  get size(): number {
    return this.#size
  }

  /** Tells apart what a sync that begins now covers: give it to `settle`. */
  get made(): number {
    return this.#made
  }

  read(into: Uint8Array, position: number): number {
    const end = Math.min(position + into.length, this.#size)
    if (position >= end) return 0
    into.set(this.#live.subarray(position, end))
    return end - position
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    this.#reserve(end)
    const from = Math.min(position, this.#size)
    if (from < this.#frozen) this.#move(this.#live.length)
    // A file that was cut and grows again shows zeros between.
    if (position > from) this.#live.fill(0, from, position)
    this.#live.set(bytes, position)
    this.#size = Math.max(this.#size, end)
    this.#note({ bytes: bytes.slice(), position, sizeAfter: this.#size })
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes > this.#size) {
      this.#reserve(sizeBytes)
      this.#live.fill(0, this.#size, sizeBytes)
      this.#size = sizeBytes
    } else if (sizeBytes < this.#size) {
      this.#size = sizeBytes
      this.#move(sizeBytes)
    }
    this.#note({ bytes: undefined, position: sizeBytes, sizeAfter: sizeBytes })
  }

  /** What was changed up to `made` survives from now on. */
  settle(made: number): void {
    const count = made - this.#synced
    if (count <= 0) return
    const covered = this.#changes.slice(0, count)
    const rest = this.#changes.slice(count)
    const size = covered[count - 1]!.sizeAfter
    if (this.#apart !== undefined || covered.some((one) => this.#isOver(one))) {
      this.#settleApart(covered)
    } else if (rest.every(({ bytes, position }) => bytes !== undefined && position >= size)) {
      this.#base = this.#live.subarray(0, size)
      this.#frozen = Math.max(this.#frozen, size)
    } else {
      this.#base = render(this.#base, covered)
    }
    this.#changes = rest
    this.#synced = made
  }

  /** The file after a crash: `survives` is asked for each piece, `grows` once for its size. */
  crashed(survives: () => boolean, grows: () => boolean): Inode {
    this.#lent = true
    if (this.#changes.length === 0) return Inode.of(this.#base)
    const kept: Change[] = []
    for (const change of this.#changes) {
      for (const piece of pieces(change)) if (survives()) kept.push(piece)
    }
    // The size reached the disk, the bytes did not: a tail of zeros.
    const bytes = render(this.#base, kept)
    if (!grows() || bytes.length >= this.#size) return Inode.of(bytes)
    const grown = new Uint8Array(this.#size)
    grown.set(bytes)
    return Inode.of(grown)
  }

  /** Whether it wrote over what is synced. */
  #isOver({ bytes, position }: Change): boolean {
    return bytes !== undefined && position < this.#base.length
  }

  #settleApart(covered: readonly Change[]): void {
    const most = mostOf(this.#base.length, covered)
    if (this.#apart === undefined || this.#lent || most > this.#apart.length) {
      this.#apart = allocate(2 * most)
      this.#apart.set(this.#base)
      this.#lent = false
    }
    this.#base = this.#apart.subarray(0, perform(this.#apart, this.#base.length, covered))
  }

  #note(change: Change): void {
    this.#changes.push(change)
    this.#made++
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes > this.#live.length) this.#move(Math.max(sizeBytes, this.#live.length * 2, 1024))
  }

  /** Takes the content to memory of its own. */
  #move(capacity: number): void {
    const moved = allocate(capacity)
    moved.set(this.#live.subarray(0, this.#size))
    this.#live = moved
    this.#frozen = 0
  }
}

/** An open file in memory; `count` announces what it is about to change or sync. */
export class MemoryFile implements StorageFile {
  readonly name: string
  readonly #count: (what: string) => void
  readonly #inode: Inode
  readonly #writable: boolean
  #closed = false

  constructor(count: (what: string) => void, name: string, inode: Inode, writable: boolean) {
    this.#count = count
    this.name = name
    this.#inode = inode
    this.#writable = writable
  }

  readSync(into: Uint8Array, position: number): number {
    checkBytes(position)
    this.#open()
    return this.#inode.read(into, position)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    await undefined
    return this.readSync(into, position)
  }

  writeSync(bytes: Uint8Array, position: number): void {
    checkBytes(position)
    this.#open()
    if (!this.#writable) throw systemError('write', this.name, errno('EBADF', 'opened to read'))
    this.#count(`write ${this.name}`)
    this.#inode.write(bytes, position)
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    await undefined
    this.writeSync(bytes, position)
  }

  async sync(): Promise<void> {
    this.#open()
    const { made } = this.#inode
    await undefined
    this.#count(`sync ${this.name}`)
    this.#inode.settle(made)
  }

  async truncate(sizeBytes: number): Promise<void> {
    checkBytes(sizeBytes)
    this.#open()
    await undefined
    this.#count(`truncate ${this.name}`)
    this.#inode.truncate(sizeBytes)
  }

  size(): number {
    this.#open()
    return this.#inode.size
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #open(): void {
    if (!this.#closed) return
    throw new StoreError('CAIRN_NOT_OPEN', `${this.name} is closed`, { file: this.name })
  }
}

/** A change cut at the bounds of sectors; a truncation is whole. */
function* pieces({ bytes, position, sizeAfter }: Change): Generator<Change> {
  if (bytes === undefined) {
    yield { bytes, position, sizeAfter }
    return
  }
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + SECTOR_BYTES - ((position + from) % SECTOR_BYTES))
    yield { bytes: bytes.subarray(from, to), position: position + from, sizeAfter }
    from = to
  }
}

/** `base` with changes done to it; the base itself when there are none. */
function render(base: Uint8Array, changes: readonly Change[]): Uint8Array {
  if (changes.length === 0) return base
  const rendered = allocate(mostOf(base.length, changes))
  rendered.set(base)
  return rendered.subarray(0, perform(rendered, base.length, changes))
}

/** The largest size on the way of `changes` to a file of `size` bytes. */
function mostOf(size: number, changes: readonly Change[]): number {
  let most = size
  for (const { bytes, position } of changes) {
    size = bytes === undefined ? position : Math.max(size, position + bytes.length)
    most = Math.max(most, size)
  }
  return most
}

/** Does changes to a file of `size` bytes with zeros behind them; gives its size afterwards. */
function perform(memory: Uint8Array, size: number, changes: readonly Change[]): number {
  let end = size
  for (const { bytes, position } of changes) {
    if (bytes === undefined) {
      if (position < end) memory.fill(0, position, end)
      end = position
    } else {
      memory.set(bytes, position)
      end = Math.max(end, position + bytes.length)
    }
  }
  return end
}

function allocate(sizeBytes: number): Uint8Array {
  try {
    return new Uint8Array(sizeBytes)
  } catch (cause) {
    throw new StoreError('CAIRN_NO_SPACE', `no memory for ${sizeBytes} bytes`, { cause })
  }
}
