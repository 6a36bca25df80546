/**
 * The bare loops: what a synced write of one record costs without any store.
 *
 * One `pwrite` of 140 bytes, about a record in a journal, and one `fdatasync`; at the end of a
 * growing file, and over a file of zeroes whose size and blocks the disk has already. No store
 * that writes one record at a time can be faster than the faster one.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Timing } from './bench.js'

const RECORD_BYTES = 140
const ZEROED_BYTES = 4 * 1024 * 1024
const MAX_RECORDS = Math.floor(ZEROED_BYTES / RECORD_BYTES)

export const BARE_APPENDING = 'bare loop, appending'
export const BARE_OVERWRITING = 'bare loop, over zeroes'

export function bareLoops(directory: string, limitMs: number): Timing[] {
  mkdirSync(directory, { recursive: true })
  return [
    timing(BARE_APPENDING, loop(join(directory, 'bare-appending'), 0, limitMs)),
    timing(BARE_OVERWRITING, loop(join(directory, 'bare-over-zeroes'), ZEROED_BYTES, limitMs)),
  ]
}

function timing(variant: string, figure: number): Timing {
  return { workload: 'fillsync', variant, unit: 'op/s', figure }
}

/** Records per second. */
function loop(file: string, zeroedBytes: number, limitMs: number): number {
  const descriptor = openSync(file, 'w')
  try {
    if (zeroedBytes > 0) writeSync(descriptor, Buffer.alloc(zeroedBytes))
    fsyncSync(descriptor)
    const record = Buffer.alloc(RECORD_BYTES)
    const started = performance.now()
    let records = 0
    let elapsedMs = 0
    while (records < MAX_RECORDS && elapsedMs < limitMs) {
      record.writeUInt32LE(records)
      writeSync(descriptor, record, 0, RECORD_BYTES, records * RECORD_BYTES)
      fdatasyncSync(descriptor)
      records++
      elapsedMs = performance.now() - started
    }
    return records / (elapsedMs / 1000)
  } finally {
    closeSync(descriptor)
    rmSync(file)
  }
}
