/**
 * The bare loops: what synced writes cost without any store.
 *
 * One `pwrite` of about what a journal has of a record (140 bytes with a key of 16 and a value of
 * 100), and one `fdatasync`; at the end of a growing file, and over a file of zeroes whose size and
 * blocks the disk has already. No store that writes one record at a time can be faster than the
 * faster one.
 * Beside table writes the same loops write as many records with each `pwrite` as a store has in
 * flight.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { KEY_BYTES } from '../records.js'
import type { Scale, Timing } from './bench.js'
import { Latencies } from './latencies.js'
import { TABLES_STOP, type TablesTask } from './tables.js'

/** What a journal has of each record besides its bytes, about. */
const HEADER_BYTES = 24
/** Where the loops begin again, as a journal of that size is followed by another; for large
 * writes it is that of so many. */
const FILE_BYTES = 4 * 1024 * 1024
const FILE_WRITES = 256

export const BARE_APPENDING = 'bare loop, appending'
export const BARE_OVERWRITING = 'bare loop, over zeroes'
const LOOPS = [BARE_APPENDING, BARE_OVERWRITING] as const

/** The limits of `fillsync`, one record at a time. */
export async function bareLoops(scale: Scale): Promise<Timing[]> {
  return LOOPS.map((variant) => {
    const { perSecond } = loop(scale, variant, KEY_BYTES + scale.valueBytes, 1, scale.limitMs)
    return { workload: 'fillsync', variant, unit: 'op/s', figure: perSecond }
  })
}

/** The limits of records of one size, one at a time; `size` ends the names of their rows. */
export function bareRecords(
  scale: Scale,
  workload: string,
  recordBytes: number,
  size: string,
): Timing[] {
  return LOOPS.map((name) => {
    const { perSecond } = loop(scale, name, recordBytes, 1, scale.limitMs)
    return { workload, variant: `${name}, ${size}`, unit: 'op/s', figure: perSecond }
  })
}

/** The limits of `stall`: `width` records at a time while a thread writes tables. */
export async function besideTables(
  scale: Scale,
  width: number,
  tableBytesPerSecond: number,
): Promise<Timing[]> {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const workerData: TablesTask = {
    directory: scale.directory,
    bytesPerSecond: tableBytesPerSecond,
    stop,
  }
  const writer = new Worker(new URL('tables.js', import.meta.url), { workerData })
  try {
    await once(writer, 'online')
    return LOOPS.flatMap((variant) => {
      const recordBytes = KEY_BYTES + scale.valueBytes
      const limitMs = scale.limitMs / LOOPS.length
      const { perSecond, latencies } = loop(scale, variant, recordBytes, width, limitMs)
      const rate: Timing = { workload: 'stall', variant, unit: 'op/s', figure: perSecond }
      return [rate, ...latencies.timings('stall', variant)]
    })
  } finally {
    Atomics.store(stop, 0, TABLES_STOP)
    Atomics.notify(stop, 0)
    await once(writer, 'exit')
  }
}

function loop(
  { directory }: Scale,
  variant: (typeof LOOPS)[number],
  recordBytes: number,
  width: number,
  limitMs: number,
): { perSecond: number; latencies: Latencies } {
  const file = join(directory, 'bare')
  const appending = variant === BARE_APPENDING
  const records = Buffer.alloc(width * (recordBytes + HEADER_BYTES), 'bare')
  const fileBytes = Math.max(FILE_BYTES, FILE_WRITES * records.length)
  const turns = Math.floor(fileBytes / records.length)
  const latencies = new Latencies()
  let descriptor = appending ? -1 : zeroed(file, fileBytes)
  let count = 0
  let now = performance.now()
  const started = now
  while (now - started < limitMs) {
    const turn = count % turns
    if (turn === 0 && appending) descriptor = renewed(file, descriptor)
    records.writeUInt32LE(count++)
    writeSync(descriptor, records, 0, records.length, turn * records.length)
    fdatasyncSync(descriptor)
    const before = now
    now = performance.now()
    latencies.add(now - before)
  }
  closeSync(descriptor)
  rmSync(file)
  return { perSecond: (count * width) / ((now - started) / 1000), latencies }
}

function zeroed(file: string, bytes: number): number {
  const descriptor = openSync(file, 'w')
  writeSync(descriptor, Buffer.alloc(bytes))
  fsyncSync(descriptor)
  return descriptor
}

/** A new file in the place of the old one. */
function renewed(file: string, descriptor: number): number {
  if (descriptor !== -1) closeSync(descriptor)
  rmSync(file, { force: true })
  return openSync(file, 'w')
}
