/**
 * What the system knows of this process and of a directory: bytes written, memory, space.
 *
 * Linux tells what it wrote and what of its memory is mapped files; elsewhere that is undefined.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const BLOCK_BYTES = 512

/** Bytes that this process gave to write calls. */
export function writtenBytes(): number | undefined {
  return numberIn('/proc/self/io', /^wchar: (\d+)$/m)
}

/** Bytes that this process has had read from the disk. */
export function bytesFromDisk(): number | undefined {
  return numberIn('/proc/self/io', /^read_bytes: (\d+)$/m)
}

/** Resident memory in bytes, after the collector has run; `files` are mapped ones, part of it. */
export function residentMemory(): { all: number; files: number | undefined } {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const files = numberIn('/proc/self/status', /^RssFile:\s+(\d+) kB$/m)
  return { all: process.memoryUsage.rss(), files: files === undefined ? undefined : files * 1024 }
}

/** Bytes that the files of a directory and of those in it take on the disk. */
export function spaceTaken(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.blocks ?? 0)
    .reduce((sum, blocks) => sum + blocks * BLOCK_BYTES, 0)
}

function numberIn(file: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(file, 'latin1'))
    return found === null ? undefined : Number(found[1])
  } catch {
    return undefined
  }
}
