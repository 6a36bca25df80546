/**
 * A thread that writes tables at a steady pace, as merges would, until it is told to stop.
 *
 * Each is 2 MiB, written in pieces, and synced when it is whole; an old one goes for each new one.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, workerData } from 'node:worker_threads'

const PIECE_BYTES = 64 * 1024
const TABLE_PIECES = 32
const KEPT_TABLES = 16

export const TABLES_STOP = 1

export interface TablesTask {
  /** Is there; tables that are left in it are the caller's to remove. */
  readonly directory: string
  readonly bytesPerSecond: number
  /** On shared memory; TABLES_STOP ends it. */
  readonly stop: Int32Array<SharedArrayBuffer>
}

function writeTables({ directory, bytesPerSecond, stop }: TablesTask): void {
  const piece = Buffer.alloc(PIECE_BYTES, 'table')
  const fileOf = (table: number): string => join(directory, `table-${table}`)
  const msPerPiece = (1000 * PIECE_BYTES) / bytesPerSecond
  const started = performance.now()
  for (let table = 0; ; table++) {
    const descriptor = openSync(fileOf(table), 'w')
    for (let written = 0; written < TABLE_PIECES; written++) {
      const due = started + (table * TABLE_PIECES + written) * msPerPiece
      const leftMs = Math.max(0, due - performance.now())
      if (Atomics.wait(stop, 0, 0, leftMs) !== 'timed-out') return closeSync(descriptor)
      writeSync(descriptor, piece)
    }
    fdatasyncSync(descriptor)
    closeSync(descriptor)
    if (table >= KEPT_TABLES) rmSync(fileOf(table - KEPT_TABLES))
  }
}

if (!isMainThread) writeTables(workerData as TablesTask)
