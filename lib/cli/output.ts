/**
 * Standard output with back-pressure: lines are gathered and written 64 KiB at a time.
 *
 * When the reader goes away (`cairn dump D | head -1`), the next write rejects with ClosedPipe,
 * and the command ends quietly, its store closed.
 */
import type { Writable } from 'node:stream'
import Table from 'cli-table3'

const GATHER_BYTES = 64 * 1024
const NEWLINE = Buffer.from('\n')

/** The reader of our output went away; not a failure. */
export class ClosedPipe extends Error {}

export class Output {
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(private readonly stream: Writable) {
    // Every write hears of its own error; without a listener the event would end the process.
    stream.on('error', () => {})
  }

  /** A promise to await when there is one: then enough has gathered to be written. */
  line(...parts: readonly (string | Uint8Array)[]): Promise<void> | undefined {
    for (const part of parts) this.#add(typeof part === 'string' ? Buffer.from(part) : part)
    this.#add(NEWLINE)
    return this.#bytes >= GATHER_BYTES ? this.flush() : undefined
  }

  json(value: unknown): Promise<void> | undefined {
    return this.line(JSON.stringify(value))
  }

  /** Exactly these bytes, with no newline. */
  raw(bytes: Uint8Array): void {
    this.#add(bytes)
  }

  async flush(): Promise<void> {
    if (this.#bytes === 0) return
    const bytes = Buffer.concat(this.#parts, this.#bytes)
    this.#parts = []
    this.#bytes = 0
    await new Promise<void>((resolve, reject) => {
      this.stream.write(bytes, (error) => {
        if (!error) resolve()
        else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new ClosedPipe() : error)
      })
    })
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.#bytes += bytes.length
  }
}

/** A table of two columns for people: names and what they are. */
export function factsTable(rows: readonly (readonly [string, string])[]): string {
  const table = new Table({ style: { head: [], border: [] } })
  for (const row of rows) table.push([...row])
  return table.toString()
}

/** A table with a heading; every column but the first is aligned right. */
export function columnsTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [] },
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}
