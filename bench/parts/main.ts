/**
 * The parts by themselves, with the package `benchmark`: checksum, memtable, block, coding.
 *
 * Each part answers with the number of operations that one run does, so that figures are per
 * operation and, where bytes matter, in bytes per second.
 */
import { createRequire } from 'node:module'
import Table from 'cli-table3'
import type Benchmark from 'benchmark'
import { blockParts } from './block.js'
import { checksumParts } from './checksum.js'
import { codingParts } from './coding.js'
import { memtableParts } from './memtable.js'

export interface Part {
  readonly name: string
  /** Operations that one call does. */
  readonly operations: number
  /** Bytes that one operation goes over. */
  readonly bytes?: number
  readonly run: () => void
}

const MAX_SECONDS = 2
const QUICK_SECONDS = 0.3

export async function showParts(quick: boolean): Promise<void> {
  const BenchmarkClass = createRequire(import.meta.url)('benchmark') as typeof Benchmark
  const table = new Table({
    head: ['part', 'ns', 'per second', 'bytes per second', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const part of [...checksumParts(), ...memtableParts(), ...blockParts(), ...codingParts()]) {
    const bench = new BenchmarkClass(part.name, part.run, {
      maxTime: quick ? QUICK_SECONDS : MAX_SECONDS,
    })
    bench.run()
    const rate = bench.hz * part.operations
    table.push([
      part.name,
      (1e9 / rate).toFixed(rate > 1e8 ? 2 : 0),
      `${(rate / 1e6).toFixed(2)} M`,
      part.bytes === undefined ? '' : `${((rate * part.bytes) / 1e9).toFixed(2)} GB`,
      `+-${bench.stats.rme.toFixed(1)}%`,
    ])
    // Lets timers and signals through between parts.
    await new Promise((resolve) => setImmediate(resolve))
  }
  process.stdout.write(`TypeScript plane, part by part\n${table.toString()}\n`)
}
