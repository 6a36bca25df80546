/**
 * One run of the command: its options, its output, its interruption, and the stores it opens.
 *
 * A store is closed however the work on it ends. A signal closes the store at once, which waits
 * for writes under way and refuses new ones, so that what was acknowledged stays so.
 * Engines are loaded when a command wants them: to load all takes longer than most commands.
 * Decides: what each way of opening may create. Reading opens read-only and creates nothing.
 */
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import type { CairnLevel, Recovered } from '../stores/kv/index.js'
import { ADVICE, CommandError, EXIT_OK } from './failure.js'
import { Output } from './output.js'
import { formatBytes } from './text.js'

export interface GlobalOptions {
  readonly json?: boolean
  readonly plane: 'auto' | 'native' | 'typescript'
}

/** A stream that output goes to; what it stands on, where it tells. */
export type Sink = Writable & { readonly isTTY?: boolean; readonly fd?: number }

/** What a run reads and writes: the process itself, or what its caller puts in its place. */
export interface Streams {
  readonly stdin: Readable
  readonly stdout: Sink
  readonly stderr: Sink
}

export type SignalName = 'SIGINT' | 'SIGTERM'

/** A signal asked the command to end. */
export class Interrupted extends Error {
  constructor(readonly signalName: SignalName) {
    super(`interrupted by ${signalName}`)
  }

  get exitCode(): number {
    return this.signalName === 'SIGINT' ? 130 : 143
  }
}

export type Store = CairnLevel<Buffer, Buffer>

/** What a run needs of an open store of any kind. */
export interface OpenStore {
  readonly recovered: Recovered
  close(): Promise<void>
}

/** `read`: read-only; `write`: an existing store; `create`: made when it is not there. */
export type OpenMode = 'read' | 'write' | 'create'

export class Session {
  readonly output: Output
  /** Of a run that ends without an error. */
  exitCode = EXIT_OK
  readonly #interruption = new AbortController()

  constructor(readonly streams: Streams) {
    this.output = new Output(streams.stdout)
    // A closed stderr has nobody to tell.
    streams.stderr.on('error', () => {})
  }

  /** Aborted, with an Interrupted as reason, when it is interrupted. */
  get signal(): AbortSignal {
    return this.#interruption.signal
  }

  /** Ends the work in order. */
  interrupt(reason: Interrupted): void {
    this.#interruption.abort(reason)
  }

  /** For people, on standard error. */
  note(text: string): void {
    this.streams.stderr.write(`cairn: ${text}\n`)
  }

  /** A word for people where people look; a script that asked for no JSON wants none. */
  onTerminal(text: string): string | undefined {
    return this.streams.stdout.isTTY ? text : undefined
  }

  /** One document for programs, or words for people; `words` may give none. */
  async tell(
    options: GlobalOptions,
    document: unknown,
    words: () => string | undefined,
  ): Promise<void> {
    if (options.json) await this.output.json(document)
    else {
      const text = words()
      if (text !== undefined) await this.output.line(text)
    }
    await this.output.flush()
  }

  /** Works on a key-value store. */
  async withStore<T>(
    directory: string,
    mode: OpenMode,
    options: GlobalOptions,
    work: (store: Store) => Promise<T>,
  ): Promise<T> {
    const open = async (): Promise<Store> => {
      const { CairnLevel } = await import('../stores/kv/index.js')
      const store: Store = new CairnLevel<Buffer, Buffer>(directory, {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
        createIfMissing: mode === 'create',
        readOnly: mode === 'read',
        plane: options.plane,
      })
      await store.open()
      return store
    }
    return this.using(directory, mode, open, work)
  }

  /** Works on the store that `open` opens in `directory`. */
  async using<S extends OpenStore, T>(
    directory: string,
    mode: OpenMode,
    open: () => Promise<S>,
    work: (store: S) => Promise<T>,
  ): Promise<T> {
    if (mode !== 'create') await requireDirectory(directory)
    let store: S | undefined
    const close = (): void => void store?.close().catch(() => {})
    try {
      store = await open()
      this.#tellRecovered(store)
      this.signal.throwIfAborted()
      this.signal.addEventListener('abort', close)
      return await work(store)
    } catch (error) {
      // What fails because a signal closed the store is the signal's doing.
      throw this.signal.aborted ? this.signal.reason : error
    } finally {
      this.signal.removeEventListener('abort', close)
      await store?.close()
    }
  }

  #tellRecovered({ recovered: { torn, damage } }: OpenStore): void {
    if (torn !== undefined) {
      const size = torn.bytes === undefined ? '' : ` (${formatBytes(torn.bytes)})`
      this.note(`the last run ended in mid-write: ${torn.file} ends at byte ${torn.offset}${size}`)
    }
    if (damage?.length) this.note(`damage was skipped in ${damage.length} places`)
  }
}

/** CAIRN_MISSING when there is no directory, before anything is opened. */
export async function requireDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (found?.isDirectory()) return
  const what = found === undefined ? 'does not exist' : 'is not a directory'
  throw new CommandError(`${directory} ${what}`, 'CAIRN_MISSING', ADVICE.CAIRN_MISSING)
}
