/**
 * A Storage that fails when it is told to: the n-th matching operation on another Storage, once or
 * for good, with an error of the operating system, after a part of the bytes if that is asked for.
 *
 * It wraps primitives only and inherits what is composed of them, so each step of `setCurrent`
 * and of `copyTo` can fail. `read`, `write` and `open` stand for their synchronous forms too. The
 * failing operation is not done; later ones go through unless the rule is for good.
 */
import { BaseStorage, errno, systemError } from '../../lib/io/storage.js'
import type { FileEntry, LockOptions, Storage } from '../../lib/io/files.js'
import type { StorageFile, StorageLock } from '../../lib/io/files.js'
import type { FileKind } from '../../lib/format/names.js'

export type FaultyOperation =
  | 'createDirectory'
  | 'exists'
  | 'lock'
  | 'list'
  | 'open'
  | 'create'
  | 'remove'
  | 'rename'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'close'

export interface FaultRule {
  /** Any operation when left out. */
  readonly operation?: FaultyOperation | readonly FaultyOperation[]
  /** Must match the file's name, either name of a rename. Any file when left out. */
  readonly file?: RegExp
  /** Which match fails, counted from 1 and from when the rule was set; the first by default. */
  readonly nth?: number
  /** Every match from the n-th on fails, not that one alone. */
  readonly forGood?: boolean
  /** EIO by default. */
  readonly error?: 'EIO' | 'ENOSPC' | 'EINTR'
  /** A failing write puts the first half of its bytes there, a failing read gives them. */
  readonly short?: boolean
}

export interface FaultyStorage extends Storage {
  /** What fails from now on; undefined for nothing. Setting it starts the count anew. */
  rule: FaultRule | undefined
  /** How often each operation was called, failures included. */
  readonly calls: Readonly<Record<FaultyOperation, number>>
  /** How many operations were made to fail. */
  readonly failures: number
}

export function faultyStorage(inner: Storage, rule?: FaultRule): FaultyStorage {
  return new Faulty(inner, rule)
}

class Faulty extends BaseStorage implements FaultyStorage {
  readonly kind = 'custom'
  readonly calls: Record<FaultyOperation, number> = {
    createDirectory: 0,
    exists: 0,
    lock: 0,
    list: 0,
    open: 0,
    create: 0,
    remove: 0,
    rename: 0,
    makeDirectory: 0,
    syncDirectory: 0,
    read: 0,
    write: 0,
    sync: 0,
    truncate: 0,
    close: 0,
  }
  failures = 0
  readonly #inner: Storage
  #rule: FaultRule | undefined
  #matches = 0

  constructor(inner: Storage, rule: FaultRule | undefined) {
    super()
    this.#inner = inner
    this.#rule = rule
  }

  get location(): string {
    return this.#inner.location
  }

  get rule(): FaultRule | undefined {
    return this.#rule
  }

  set rule(rule: FaultRule | undefined) {
    this.#rule = rule
    this.#matches = 0
  }

  /** Counts a call, and gives the rule if this is the one to fail. */
  due(operation: FaultyOperation, ...files: string[]): FaultRule | undefined {
    this.calls[operation]++
    const rule = this.#rule
    if (rule === undefined) return undefined
    const { operation: wanted = operation, file, nth = 1 } = rule
    if (!(typeof wanted === 'string' ? [wanted] : wanted).includes(operation)) return undefined
    // A name may be matched by a pattern with state; each look begins anew.
    if (file && !files.some((name) => name.search(file) >= 0)) return undefined
    const match = ++this.#matches
    if (rule.forGood ? match < nth : match !== nth) return undefined
    this.failures++
    return rule
  }

  /** Throws if this call is the one to fail. */
  check(operation: FaultyOperation, ...files: string[]): void {
    const rule = this.due(operation, ...files)
    if (rule) throw failure(rule, operation, files[0] ?? this.location)
  }

  async createDirectory(): Promise<void> {
    this.check('createDirectory')
    await this.#inner.createDirectory()
  }

  async exists(): Promise<boolean> {
    this.check('exists')
    return this.#inner.exists()
  }

  async lock(options: LockOptions): Promise<StorageLock> {
    this.check('lock')
    return this.#inner.lock(options)
  }

  override async list(kind?: FileKind, subdirectory?: string): Promise<FileEntry[]> {
    this.check('list')
    return this.#inner.list(kind, subdirectory)
  }

  async open(name: string): Promise<StorageFile> {
    this.check('open', name)
    return new FaultyFile(this, await this.#inner.open(name))
  }

  openSync(name: string): StorageFile {
    this.check('open', name)
    return new FaultyFile(this, this.#inner.openSync(name))
  }

  async create(name: string): Promise<StorageFile> {
    this.check('create', name)
    return new FaultyFile(this, await this.#inner.create(name))
  }

  async remove(name: string): Promise<void> {
    this.check('remove', name)
    await this.#inner.remove(name)
  }

  async rename(from: string, to: string): Promise<void> {
    this.check('rename', from, to)
    await this.#inner.rename(from, to)
  }

  async removeDirectory(): Promise<void> {
    await this.#inner.removeDirectory()
  }

  async makeDirectory(name: string): Promise<void> {
    this.check('makeDirectory', name)
    await this.#inner.makeDirectory(name)
  }

  async syncDirectory(): Promise<void> {
    this.check('syncDirectory')
    await this.#inner.syncDirectory()
  }

  log(line: string): void {
    this.#inner.log(line)
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }

  override created(name: string): void {
    this.#inner.created(name)
  }

  protected names(): never {
    throw new Error('the storage inside lists')
  }
}

class FaultyFile implements StorageFile {
  readonly #storage: Faulty
  readonly #inner: StorageFile

  constructor(storage: Faulty, inner: StorageFile) {
    this.#storage = storage
    this.#inner = inner
  }

  get name(): string {
    return this.#inner.name
  }

  readSync(into: Uint8Array, position: number): number {
    const rule = this.#storage.due('read', this.name)
    if (!rule) return this.#inner.readSync(into, position)
    if (rule.short) this.#inner.readSync(firstHalf(into), position)
    throw failure(rule, 'read', this.name)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const rule = this.#storage.due('read', this.name)
    if (!rule) return this.#inner.read(into, position)
    if (rule.short) await this.#inner.read(firstHalf(into), position)
    throw failure(rule, 'read', this.name)
  }

  writeSync(bytes: Uint8Array, position: number): void {
    const rule = this.#storage.due('write', this.name)
    if (!rule) return this.#inner.writeSync(bytes, position)
    if (rule.short) this.#inner.writeSync(firstHalf(bytes), position)
    throw failure(rule, 'write', this.name)
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const rule = this.#storage.due('write', this.name)
    if (!rule) return this.#inner.write(bytes, position)
    if (rule.short) await this.#inner.write(firstHalf(bytes), position)
    throw failure(rule, 'write', this.name)
  }

  async sync(): Promise<void> {
    this.#storage.check('sync', this.name)
    await this.#inner.sync()
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#storage.check('truncate', this.name)
    await this.#inner.truncate(sizeBytes)
  }

  size(): number {
    return this.#inner.size()
  }

  /** A failing close lets go of the file all the same, as the system's does. */
  async close(): Promise<void> {
    const rule = this.#storage.due('close', this.name)
    await this.#inner.close()
    if (rule) throw failure(rule, 'close', this.name)
  }
}

function firstHalf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.floor(bytes.length / 2))
}

function failure({ error = 'EIO' }: FaultRule, operation: string, file: string): Error {
  return systemError(operation, file, errno(error, 'made to fail'))
}
