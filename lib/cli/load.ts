/**
 * `cairn load`: a file into a store, in durable batches, to be continued when it was cut short.
 *
 * Every batch carries, in the same atomic write, a progress record: how far the source has been
 * read and the digest of all bytes up to there. A second run finds it, checks that the source
 * still leads to it and goes on behind it; the last batch deletes it. So a finished load leaves
 * exactly the records of its source, and an unfinished one says so where anybody can see it: the
 * record lies in the sublevel `cairn.load`, under the path of the source, and is hidden from
 * nobody. `cairn del DIR '!cairn.load!PATH'` forgets it.
 */
import { resolve } from 'node:path'
import type { SingleBar } from 'cli-progress'
import { Option, type Command } from 'commander'
import type { BatchOperation } from '../stores/kv/index.js'
import { CommandError, usageError } from './failure.js'
import { progressBar } from './progress.js'
import { parseWhole } from './read.js'
import {
  chooseFormat,
  FORMATS,
  readRecords,
  type Format,
  type Position,
  type SourceRecord,
} from './records.js'
import type { GlobalOptions, Session, Store } from './session.js'
import { Source } from './source.js'
import { formatCount, formatSeconds } from './text.js'

const LOAD_SUBLEVEL = 'cairn.load'
/** A batch is also written when it has gathered this much, however few its records. */
const BATCH_MAX_BYTES = 4 * 1024 * 1024

interface LoadOptions extends GlobalOptions {
  readonly format?: Format
  readonly key?: string
  readonly batch: number
  readonly restart?: boolean
}

/** What the progress record holds, as JSON. */
export interface LoadProgress extends Position {
  readonly format: Format
  readonly key: string | null
  readonly records: number
  /** Of the first `bytes` bytes of the source, in hex. */
  readonly sha256: string
}

export function addLoadCommand(program: Command, session: Session): void {
  program
    .command('load <dir> <file>')
    .description('load JSON lines, CSV or TSV (- is stdin); run it again to go on where it stopped')
    .addOption(new Option('--format <name>', 'told by the extension unless given').choices(FORMATS))
    .option('--key <field>', 'the field that is the key; without it: fields key and value')
    .option('--batch <n>', 'records in one durable batch', parseWhole, 1000)
    .option('--restart', 'from the start, whatever an earlier run has done')
    .action(async (dir: string, file: string, _: unknown, command: Command) => {
      await load(session, dir, file, command.optsWithGlobals())
    })
}

/** Loads that were begun and not finished, as `stats` tells them. */
export async function unfinishedLoads(
  store: Store,
): Promise<{ source: string; records: number; bytes: number }[]> {
  const rows = await progressOf(store).iterator().all()
  return rows.map(([source, text]) => {
    const progress = parseProgress(text)
    return { source, records: progress?.records ?? 0, bytes: progress?.bytes ?? 0 }
  })
}

async function load(
  session: Session,
  dir: string,
  file: string,
  options: LoadOptions,
): Promise<void> {
  if (options.batch === 0) throw usageError('--batch must be at least 1')
  const format = chooseFormat(file, options.format)
  // Opened first, so that a wrong file name leaves no empty store behind.
  const source = await Source.open(file, session.streams)
  const started = performance.now()
  const result = await session
    .withStore(dir, 'create', options, (store) => {
      return new Loading(session, store, source, file, format, options).run()
    })
    .finally(() => source.close())
  const seconds = (performance.now() - started) / 1000
  const { output } = session
  if (options.json) {
    await output.json({ ...result, seconds: Number(seconds.toFixed(3)) })
  } else {
    const rate = formatCount(result.loaded / Math.max(seconds, 0.001))
    const words = `loaded ${formatCount(result.loaded)} records`
    await output.line(`${words} in ${formatSeconds(seconds)} (${rate}/s)`)
  }
  await output.flush()
}

interface LoadResult {
  /** Records of the source in the store now, and how many of them this run wrote. */
  readonly records: number
  readonly loaded: number
  readonly continuedAt: number
}

type Operation = BatchOperation<Store, string | Buffer, string | Buffer>

class Loading {
  readonly #slot: string
  readonly #progress: ReturnType<typeof progressOf>
  #source: Source
  #operations: Operation[] = []
  #bytes = 0
  #last: SourceRecord | undefined
  #writing: Promise<void> = Promise.resolve()
  /** Records that an earlier run wrote, read in this one, and acknowledged in this one. */
  #earlier = 0
  #read = 0
  #acknowledged = 0

  constructor(
    private readonly session: Session,
    private readonly store: Store,
    source: Source,
    private readonly file: string,
    private readonly format: Format,
    private readonly options: LoadOptions,
  ) {
    this.#source = source
    this.#progress = progressOf(store)
    this.#slot = file === '-' ? '-' : resolve(file)
  }

  async run(): Promise<LoadResult> {
    const { signal } = this.session
    const stop = (): void => this.#source.close(signal.reason as Error)
    signal.addEventListener('abort', stop)
    try {
      const found = await this.#findProgress()
      const start = found === undefined ? undefined : await this.#continueAt(found)
      await this.#copy(start ?? { bytes: 0, lines: 0 }, found !== undefined)
    } catch (error) {
      if (this.#acknowledged > 0) {
        const done = formatCount(this.#earlier + this.#acknowledged)
        this.session.note(`${done} records are loaded and safe: run it again to go on from there`)
      }
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
      this.#source.close()
    }
    const records = this.#earlier + this.#acknowledged
    return { records, loaded: this.#acknowledged, continuedAt: this.#earlier }
  }

  async #findProgress(): Promise<LoadProgress | undefined> {
    const text = await this.#progress.get(this.#slot)
    return text === undefined ? undefined : parseProgress(text)
  }

  /** Where an earlier run stopped, when this source still leads there. */
  async #continueAt(found: LoadProgress): Promise<Position | undefined> {
    const { format, options, session } = this
    if (options.restart) return undefined
    const sameWay = found.format === format && found.key === (options.key ?? null)
    if (sameWay && (await this.#source.skip(found.bytes, found.sha256, found.lines))) {
      this.#earlier = found.records
      const record = formatCount(found.records)
      session.note(`an earlier load stopped after record ${record}: going on from there`)
      return found
    }
    const why = sameWay ? 'its input has changed since' : 'it was read with other options'
    if (this.file === '-' && sameWay) {
      throw new CommandError(
        `an earlier load from standard input is unfinished and ${why}`,
        'OTHER_INPUT',
        'give --restart and the whole input to begin again',
      )
    }
    session.note(`an earlier load is unfinished, but ${why}: starting over`)
    if (sameWay) {
      this.#source.close()
      this.#source = await Source.open(this.file, session.streams)
    }
    return undefined
  }

  async #copy(start: Position, hasProgress: boolean): Promise<void> {
    const { options, session } = this
    const records = readRecords(this.#source, this.format, options.key, start)
    const bar = this.#progressBar(start.bytes)
    let failure: Error | undefined
    try {
      for await (const record of records) {
        this.#add(record)
        const full = this.#operations.length >= options.batch || this.#bytes >= BATCH_MAX_BYTES
        if (!full) continue
        session.signal.throwIfAborted()
        await this.#write(this.#progressOperation(records.columns))
        bar?.update(record.end)
      }
    } catch (error) {
      failure = error as Error
    }
    try {
      // What was read before a wrong line is kept as well.
      if (failure !== undefined) {
        if (this.#last !== undefined && !session.signal.aborted) {
          await this.#write(this.#progressOperation(records.columns))
        }
      } else if (this.#read > 0 || hasProgress) {
        await this.#write({ type: 'del', sublevel: this.#progress, key: this.#slot })
        bar?.update(this.#source.sizeBytes ?? 0)
      }
      await this.#writing
    } catch (error) {
      // A failed write outweighs whatever made the reading end.
      failure = error as Error
    } finally {
      bar?.stop()
    }
    if (failure !== undefined) throw failure
  }

  #add(record: SourceRecord): void {
    const { key, value } = record
    if (key.toString() === `!${LOAD_SUBLEVEL}!${this.#slot}`) {
      const message = `line ${record.line}: its key is that of this load's own progress record`
      throw new CommandError(`${this.#source.name}, ${message}`, 'BAD_LINE', 'rename the input')
    }
    this.#operations.push({ type: 'put', key, value })
    this.#bytes += key.length + value.length
    this.#last = record
    this.#read++
  }

  #progressOperation(columns: readonly string[] | undefined): Operation {
    const last = this.#last!
    const progress: LoadProgress = {
      format: this.format,
      key: this.options.key ?? null,
      records: this.#earlier + this.#read,
      bytes: last.end,
      lines: last.line,
      sha256: this.#source.digestAt(last.end),
      ...(columns !== undefined && { columns }),
    }
    const value = JSON.stringify(progress)
    return { type: 'put', sublevel: this.#progress, key: this.#slot, value }
  }

  /** Starts one batch when the one before it is durable, so that progress is a prefix. */
  async #write(progress: Operation): Promise<void> {
    const operations = [...this.#operations, progress]
    const read = this.#read
    this.#operations = []
    this.#bytes = 0
    await this.#writing
    this.#writing = this.store.batch(operations, { sync: true }).then(() => {
      this.#acknowledged = read
    })
    // Heard at the next await; until then it must not count as unhandled.
    this.#writing.catch(() => {})
  }

  #progressBar(start: number): SingleBar | undefined {
    const { sizeBytes } = this.#source
    if (sizeBytes === undefined) return undefined
    return progressBar(this.session, this.options, 'loading', sizeBytes, start)
  }
}

function progressOf(store: Store) {
  return store.sublevel<string, string>(LOAD_SUBLEVEL, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  })
}

/** Undefined when the record is not one that a load wrote. */
function parseProgress(text: string): LoadProgress | undefined {
  let found: Partial<Record<keyof LoadProgress, unknown>>
  try {
    found = JSON.parse(text) as typeof found
  } catch {
    return undefined
  }
  if (typeof found !== 'object' || found === null) return undefined
  const { format, bytes, lines, records, columns } = found
  const counts = [bytes, lines, records].every((count) => Number.isSafeInteger(count))
  // Without its heading, a table's next row would be taken for one.
  const names = format === 'jsonl' || (Array.isArray(columns) && columns.every(isString))
  if (!counts || !names || !isString(found.sha256)) return undefined
  return found as LoadProgress
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}
