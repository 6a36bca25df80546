/**
 * Storage in memory, which can be cut off power: the place where crashes are tried out.
 *
 * Names lead to inodes. Contents survive a crash by `sync` of the file, names by `syncDirectory`;
 * of what happened since, a seed chooses what survives. `#entries` is what everybody sees,
 * `#synced` what is safe, `#changes` the creations, renames and removals since, in order; each is
 * atomic, and a rename that does not survive leaves the file that it replaced. Subdirectories are
 * entries of their own, and what lies in them has a name with a slash, in the same maps.
 *
 * LOG is outside of this: it is no operation and survives whole, so that the times in it make no
 * difference to anything.
 */
import { FILE_LOG, FILE_LOG_OLD } from '../format/names.js'
import type { LockOptions, Storage, StorageFile, StorageLock } from './files.js'
import { Inode, MemoryFile } from './inode.js'
import { heldUntil, untilHeld } from './lock.js'
import type { Refusal } from './lock.js'
import { random } from './random.js'
import { BaseStorage, errno, logLine, nameParts, plainName } from './storage.js'
import { systemError } from './storage.js'
import type { NameFound } from './storage.js'

const LOG_BYTES = 1 << 20
const LOCATION = 'memory'

type Node = Inode | 'directory'

interface EntryChange {
  readonly node: Node
  /** The name that no longer leads to the node, if one does. */
  readonly from?: string
  /** The name that leads to the node from now on, if one does. */
  readonly to?: string
}

/** A Storage in memory whose power can be cut, any number of times, without harm to itself. */
export interface MemoryStorage extends Storage {
  readonly kind: 'memory'
  /** Mutating operations and syncs so far. */
  readonly operations: number
  /**
   * Called before each of them with its number, from 1, and its description. What it throws is
   * what the operation rejects with, undone.
   */
  onOperation: ((n: number, what: string) => void) | undefined
  /**
   * What a power cut at this moment leaves, unlocked. Seed 0: only what is synced. Seed 1:
   * everything. Others: what is synced and some of the rest, the same for the same seed.
   */
  crashClone(seed: number): MemoryStorage
}

/** A new, empty Storage in memory; its directory does not exist yet. */
export function memoryStorage(): MemoryStorage {
  return new Memory()
}

class Memory extends BaseStorage implements MemoryStorage {
  readonly kind = 'memory'
  readonly location = LOCATION
  onOperation: ((n: number, what: string) => void) | undefined
  #operations = 0
  #made = false
  #entries = new Map<string, Node>()
  #synced = new Map<string, Node>()
  #changes: EntryChange[] = []
  #writer = false
  #readers = 0
  #rotate = true

  /** Announces an operation that changes something, or syncs. */
  readonly #count = (what: string): void => {
    const n = ++this.#operations
    this.onOperation?.(n, what)
  }

  get operations(): number {
    return this.#operations
  }

  crashClone(seed: number): MemoryStorage {
    const chance = chances(seed)
    const clone = new Memory()
    clone.#made = this.#made
    const names = new Map(this.#synced)
    for (const change of this.#changes) if (chance.entry()) applyTo(names, change)
    const copies = new Map<Inode, Inode>()
    for (const [name, node] of names) {
      if (node === 'directory') {
        clone.#entries.set(name, node)
        continue
      }
      const copy = copies.get(node) ?? node.crashed(chance.piece, chance.size)
      copies.set(node, copy)
      clone.#entries.set(name, copy)
    }
    for (const log of [FILE_LOG, FILE_LOG_OLD]) {
      const node = this.#entries.get(log)
      if (node instanceof Inode) clone.#entries.set(log, node.crashed(always, always))
    }
    clone.#synced = new Map(clone.#entries)
    return clone
  }

  async createDirectory(): Promise<void> {
    await undefined
    if (this.#made) return
    this.#count('create directory')
    this.#made = true
  }

  async exists(): Promise<boolean> {
    await undefined
    return this.#made
  }

  async lock({ readOnly, timeoutMs }: LockOptions): Promise<StorageLock> {
    const refusal = (reason: string): Refusal => ({ reason, lastingMs: 0, attempts: 1 })
    return untilHeld(LOCATION, timeoutMs, async () => {
      this.#existing('lock', LOCATION)
      if (this.#writer) return refusal('it is open elsewhere')
      if (!readOnly && this.#readers > 0) return refusal('it is open elsewhere, to read')
      if (readOnly) this.#readers++
      else this.#writer = this.#rotate = true
      return heldUntil(async () => {
        if (readOnly) this.#readers--
        else this.#writer = false
      })
    })
  }

  async open(name: string): Promise<StorageFile> {
    nameParts(name)
    await undefined
    return this.openSync(name)
  }

  openSync(name: string): StorageFile {
    nameParts(name)
    return new MemoryFile(this.#count, name, this.#file('open', name), false)
  }

  async create(name: string): Promise<StorageFile> {
    nameParts(name)
    await undefined
    this.#parent('create', name)
    if (this.#entries.has(name)) throw systemError('create', name, errno('EEXIST', 'exists'))
    this.#count(`create ${name}`)
    const node = new Inode()
    this.#change({ to: name, node })
    return new MemoryFile(this.#count, name, node, true)
  }

  async remove(name: string): Promise<void> {
    nameParts(name)
    await undefined
    this.#existing('remove', name)
    if (!this.#entries.has(name)) return
    const node = this.#file('remove', name)
    this.#count(`remove ${name}`)
    this.#change({ from: name, node })
  }

  async rename(from: string, to: string): Promise<void> {
    nameParts(from)
    nameParts(to)
    await undefined
    const node = this.#file('rename', from)
    this.#parent('rename', from, to)
    if (this.#entries.has(to)) this.#file('replace', to)
    if (from === to) return
    this.#count(`rename ${from} ${to}`)
    this.#change({ from, to, node })
  }

  async removeDirectory(): Promise<void> {
    await undefined
    if (!this.#made || this.#entries.size > 0) return
    this.#count('remove directory')
    this.#made = false
  }

  async makeDirectory(name: string): Promise<void> {
    plainName(name)
    await undefined
    this.#existing('create directory', name)
    const found = this.#entries.get(name)
    if (found === 'directory') return
    if (found !== undefined)
      throw systemError('create directory', name, errno('EEXIST', 'not a directory'))
    this.#count(`makeDirectory ${name}`)
    this.#change({ to: name, node: 'directory' })
  }

  async syncDirectory(): Promise<void> {
    const covered = this.#changes.slice()
    await undefined
    this.#existing('sync directory', LOCATION)
    this.#count('syncDirectory')
    // Another sync may have covered some of them meanwhile.
    for (const change of covered) {
      if (this.#changes[0] !== change) continue
      applyTo(this.#synced, change)
      this.#changes.shift()
    }
  }

  log(line: string): void {
    if (!this.#made || (this.#readers > 0 && !this.#writer)) return
    const found = this.#entries.get(FILE_LOG)
    let log = found instanceof Inode ? found : undefined
    if (log !== undefined && (this.#rotate || log.size > LOG_BYTES)) {
      this.#place(FILE_LOG_OLD, log)
      log = undefined
    }
    this.#rotate = false
    log ??= this.#place(FILE_LOG, new Inode())
    log.write(Buffer.from(logLine(line)), log.size)
    log.settle(log.made)
  }

  /** Nothing is held; the content stays for the next opening. */
  async close(): Promise<void> {}

  protected async names(subdirectory?: string): Promise<NameFound[]> {
    await undefined
    this.#existing('list', LOCATION)
    if (subdirectory !== undefined && this.#entries.get(subdirectory) instanceof Inode)
      throw systemError('list', subdirectory, errno('ENOTDIR', 'not a directory'))
    return [...this.#entries]
      .map(([name, node]) => ({ parts: nameParts(name), regular: node !== 'directory' }))
      .filter(({ parts }) => parts.at(-2) === subdirectory)
      .map(({ parts, regular }) => ({ name: parts.at(-1)!, regular }))
  }

  #existing(action: string, name: string): void {
    if (!this.#made) throw systemError(action, name, errno('ENOENT', 'no directory'))
  }

  /** Refuses a name whose directory does not exist. */
  #parent(action: string, name: string, within = name): void {
    this.#existing(action, name)
    const [directory, file] = nameParts(within)
    if (file !== undefined && this.#entries.get(directory!) !== 'directory')
      throw systemError(action, name, errno('ENOENT', 'no directory'))
  }

  #file(action: string, name: string): Inode {
    const node = this.#entries.get(name)
    if (node === undefined) throw systemError(action, name, errno('ENOENT', 'no file'))
    if (node === 'directory') throw systemError(action, name, errno('EISDIR', 'a directory'))
    return node
  }

  #change(change: EntryChange): void {
    applyTo(this.#entries, change)
    this.#changes.push(change)
  }

  /** Puts a file there without a trace among the operations. */
  #place(name: string, node: Inode): Inode {
    this.#entries.set(name, node)
    this.#synced.set(name, node)
    return node
  }
}

/** Does to `names` what was done; a name can not come without its directory. */
function applyTo(names: Map<string, Node>, { from, to, node }: EntryChange): void {
  if (to !== undefined) {
    const [directory, file] = nameParts(to)
    if (file !== undefined && names.get(directory!) !== 'directory') return
    names.set(to, node)
  }
  if (from !== undefined && names.get(from) === node) names.delete(from)
}

const always = (): boolean => true

/** The share of what survives a crash, drawn anew for names, contents and sizes. */
const SHARES = [0, 0.1, 0.5, 0.9, 1]

function chances(seed: number): Record<'entry' | 'piece' | 'size', () => boolean> {
  if (seed === 0) return { entry: () => false, piece: () => false, size: () => false }
  if (seed === 1) return { entry: always, piece: always, size: always }
  const next = random(seed)
  const draw = (shares: readonly number[]) => {
    const share = shares[Math.floor(next() * shares.length)]!
    return () => next() < share
  }
  return { entry: draw(SHARES), piece: draw(SHARES), size: draw([0, 0, 0.5]) }
}
