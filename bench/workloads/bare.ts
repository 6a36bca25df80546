/**
 * The bare loops: what synced writes cost without any store.
 *
 * One `pwrite` of about what a journal has of a record (140 bytes with a value of 100), and one
 * `fdatasync`; at the end of a growing file, and over a file of zeroes whose size and blocks the
 * disk has already. No store that writes one record at a time can be faster than the faster one.
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

/** What a journal has of each record besides key and value, about. */
const HEADER_BYTES = 24
/** Where the loops begin again, as a journal of that size is followed by another. */
const FILE_BYTES = 4 * 1024 * 1024

export const BARE_APPENDING = 'bare loop, appending'
export const BARE_OVERWRITING = 'bare loop, over zeroes'
const LOOPS = [BARE_APPENDING, BARE_OVERWRITING] as const

/** The limits of `fillsync`, one record at a time. */
export async function bareLoops(scale: Scale): Promise<Timing[]> {
  return LOOPS.map((variant) => {
    const { perSecond } = loop(scale, variant, 1, scale.limitMs)
    return { workload: 'fillsync', variant, unit: 'op/s', figure: perSecond }
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
      const { perSecond, latencies } = loop(scale, variant, width, scale.limitMs / LOOPS.length)
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
  { directory, valueBytes }: Scale,
  variant: (typeof LOOPS)[number],
  width: number,
  limitMs: number,
): { perSecond: number; latencies: Latencies } {
  const file = join(directory, 'bare')
  const appending = variant === BARE_APPENDING
  const records = Buffer.alloc(width * (KEY_BYTES + valueBytes + HEADER_BYTES))
  const turns = Math.floor(FILE_BYTES / records.length)
  const latencies = new Latencies()
  let descriptor = appending ? -1 : zeroed(file)
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

function zeroed(file: string): number {
  const descriptor = openSync(file, 'w')
  writeSync(descriptor, Buffer.alloc(FILE_BYTES))
  fsyncSync(descriptor)
  return descriptor
}

/** A new file in the place of the old one. */
function renewed(file: string, descriptor: number): number {
  if (descriptor !== -1) closeSync(descriptor)
  rmSync(file, { force: true })
  return openSync(file, 'w')
}
