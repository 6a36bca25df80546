/**
 * A directory on disk that tells what the control plane does to it, with numbers of the trace.
 *
 * It stands for the disk storage, native planes included, and inherits what is composed of
 * primitives, so each step of `setCurrent` is told. Locks and LOG are no operations here, as they
 * are none in memory.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import type { FileKind } from '../../lib/format/names.js'
import type { FileEntry, LockOptions, Storage } from '../../lib/io/files.js'
import type { StorageFile, StorageLock } from '../../lib/io/files.js'
import { diskStorage } from '../../lib/io/index.js'
import { BaseStorage } from '../../lib/io/storage.js'
import type { ControlOperation } from './trace.js'

type Told = Omit<ControlOperation, 'begin' | 'end'>

export class RecordedStorage extends BaseStorage {
  readonly kind = 'disk'
  readonly location: string
  operations: ControlOperation[] = []
  readonly #inner: Storage
  readonly #tick: () => number

  constructor(directory: string, tick: () => number) {
    super()
    this.#inner = diskStorage(directory)
    this.location = this.#inner.location
    this.#tick = tick
  }

  /** Does something and tells it; failed, it did nothing, but that a write did any part. */
  async told<T>(work: () => Promise<T>, told: (done?: T) => Told): Promise<T> {
    const begin = this.#tick()
    try {
      const done = await work()
      this.operations.push({ ...told(done), begin, end: this.#tick() })
      return done
    } catch (error) {
      this.#failed(told(), begin)
      throw error
    }
  }

  toldSync(work: () => void, told: Told): void {
    const begin = this.#tick()
    try {
      work()
    } catch (error) {
      this.#failed(told, begin)
      throw error
    }
    this.operations.push({ ...told, begin, end: this.#tick() })
  }

  /** The system's number of a file. */
  inodeOf(name: string): number {
    return fs.statSync(join(this.location, name)).ino
  }

  #failed(told: Told, begin: number): void {
    if (told.kind === 'write' || told.kind === 'truncate')
      this.operations.push({ ...told, begin, end: Infinity })
  }

  async createDirectory(): Promise<void> {
    await this.told(
      () => this.#inner.createDirectory(),
      () => ({ kind: 'createDirectory' }),
    )
  }

  exists(): Promise<boolean> {
    return this.#inner.exists()
  }

  lock(options: LockOptions): Promise<StorageLock> {
    return this.#inner.lock(options)
  }

  override list(kind?: FileKind, subdirectory?: string): Promise<FileEntry[]> {
    return this.#inner.list(kind, subdirectory)
  }

  async open(name: string): Promise<StorageFile> {
    return new RecordedFile(this, await this.#inner.open(name), this.inodeOf(name))
  }

  openSync(name: string): StorageFile {
    return new RecordedFile(this, this.#inner.openSync(name), this.inodeOf(name))
  }

  async create(name: string): Promise<StorageFile> {
    return this.told(
      async () => {
        const file = await this.#inner.create(name)
        return new RecordedFile(this, file, this.inodeOf(name))
      },
      (file) => ({ kind: 'create', name, ...(file && { inode: file.inode }) }),
    )
  }

  async remove(name: string): Promise<void> {
    await this.told(
      () => this.#inner.remove(name),
      () => ({ kind: 'remove', name }),
    )
  }

  async rename(from: string, to: string): Promise<void> {
    await this.told(
      () => this.#inner.rename(from, to),
      () => ({ kind: 'rename', name: from, to }),
    )
  }

  async removeDirectory(): Promise<void> {
    throw new Error('no workload that is recorded removes its directory')
  }

  async makeDirectory(name: string): Promise<void> {
    await this.told(
      () => this.#inner.makeDirectory(name),
      () => ({ kind: 'makeDirectory', name }),
    )
  }

  async syncDirectory(): Promise<void> {
    await this.told(
      () => this.#inner.syncDirectory(),
      () => ({ kind: 'syncDirectory' }),
    )
  }

  log(line: string): void {
    this.#inner.log(line)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  override created(name: string): void {
    this.#inner.created(name)
  }

  protected names(): never {
    throw new Error('the storage inside lists')
  }
}

class RecordedFile implements StorageFile {
  readonly inode: number
  readonly #storage: RecordedStorage
  readonly #inner: StorageFile

  constructor(storage: RecordedStorage, inner: StorageFile, inode: number) {
    this.#storage = storage
    this.#inner = inner
    this.inode = inode
  }

  get name(): string {
    return this.#inner.name
  }

  readSync(into: Uint8Array, position: number): number {
    return this.#inner.readSync(into, position)
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#inner.read(into, position)
  }

  writeSync(bytes: Uint8Array, position: number): void {
    const told = this.#told('write', { bytes: bytes.slice(), position })
    this.#storage.toldSync(() => this.#inner.writeSync(bytes, position), told)
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const told = this.#told('write', { bytes: bytes.slice(), position })
    await this.#storage.told(
      () => this.#inner.write(bytes, position),
      () => told,
    )
  }

  async sync(): Promise<void> {
    await this.#storage.told(
      () => this.#inner.sync(),
      () => this.#told('sync'),
    )
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#storage.told(
      () => this.#inner.truncate(sizeBytes),
      () => this.#told('truncate', { position: sizeBytes }),
    )
  }

  size(): number {
    return this.#inner.size()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #told(kind: Told['kind'], more: Partial<Told> = {}): Told {
    return { kind, name: this.name, inode: this.inode, ...more }
  }
}
