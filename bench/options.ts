/**
 * The options of `npm run bench`, and what they come to: which workloads, how many records, how
 * long.
 */
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { SEVERAL } from './goals.js'
import { VALUE_BYTES } from './records.js'
import type { Size } from './rounds.js'
import { GROUPS } from './workloads/all.js'

interface Given {
  readonly quick: boolean
  readonly only?: readonly string[]
  readonly rounds?: number
  readonly records?: number
  readonly valueBytes?: number
  readonly coldMb?: number
  readonly json?: string
  readonly html?: string
  readonly directory: string
}

export interface BenchOptions extends Pick<Given, 'quick' | 'json' | 'html' | 'directory'> {
  /** Larger values come after those of 100 bytes, and only with those workloads that take any. */
  readonly sizes: readonly Size[]
  /** After how long a row of writes ends at the latest. */
  readonly limitMs: number
  /** Whether the rounds were asked for. */
  readonly asked: boolean
  readonly coldMb: number
  readonly coldRounds: number
  readonly wants: (name: string) => boolean
}

/** How many records, how long, how often; `larger` rounds are those of larger values. */
const FULL = { records: 200_000, limitMs: 1000, rounds: 3, larger: 1, coldMb: 1000, coldRounds: 1 }
const QUICK = { records: 8_000, limitMs: 60, rounds: 1, larger: 1, coldMb: 32, coldRounds: 1 }
/** Larger values, and their share of the records; a quick run does without. */
const LARGER = [
  { valueBytes: 1024, share: 1 / 4 },
  { valueBytes: 64 * 1024, share: 1 / 100 },
]

export const WORKLOADS = [...new Set(GROUPS.flatMap(({ names }) => names))]
const EXTRAS = ['loop', 'cold', 'parts']
const NAMES = [...WORKLOADS, ...EXTRAS, ...Object.keys(SEVERAL)]

function whole(text: string): number {
  if (/^[1-9][0-9]{0,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}

function workload(name: string, before: readonly string[] = []): readonly string[] {
  if (!NAMES.includes(name)) throw new InvalidArgumentError(`There are: ${NAMES.join(' ')}.`)
  return [...before, ...(SEVERAL[name] ?? [name])]
}

/** Known before an hour of measuring, not after. */
function writable(file: string): string {
  try {
    accessSync(dirname(file), constants.W_OK)
    return file
  } catch {
    throw new InvalidArgumentError('Its directory can not be written to.')
  }
}

export function readOptions(): BenchOptions {
  const given = new Command('npm run bench --')
    .description('cairndb on both planes beside classic-level, lmdb and better-sqlite3')
    .option('--quick', 'less of everything, within two minutes; values of 100 bytes only', false)
    .option('--only <name>', 'this one; may be given again', workload)
    .option('--rounds <n>', 'how often each runs, instead of 3 with goals and 1 without', whole)
    .option('--records <n>', 'instead of 200,000, or of 8,000 with --quick', whole)
    .option('--value-bytes <n>', 'only values of this size', whole)
    .option('--cold-mb <n>', 'size of the store of `cold`, instead of 1,000, or 32', whole)
    .option('--json <file>', 'the figures as JSON', writable)
    .option('--html <file>', 'the figures as charts', writable)
    .option('--directory <dir>', 'where the stores are made, and removed afterwards', 'data')
    .addHelpText('after', `\nNames: ${NAMES.join(' ')}.\nWith --only, values of 100 bytes.`)
    .parse()
    .opts<Given>()
  const amounts = given.quick ? QUICK : FULL
  const { only, quick, json, html, directory } = given
  return {
    quick,
    directory,
    ...(json !== undefined && { json }),
    ...(html !== undefined && { html }),
    sizes: sizesOf(given, amounts),
    limitMs: amounts.limitMs,
    asked: given.rounds !== undefined,
    coldMb: given.coldMb ?? amounts.coldMb,
    coldRounds: given.rounds ?? amounts.coldRounds,
    wants: (name) => only === undefined || only.includes(name),
  }
}

function sizesOf(given: Given, amounts: typeof FULL): readonly Size[] {
  const { valueBytes, records = amounts.records, rounds = amounts.rounds } = given
  const first = { valueBytes: valueBytes ?? VALUE_BYTES, records, rounds }
  if (given.only !== undefined || given.quick || valueBytes !== undefined) return [first]
  return [
    first,
    ...LARGER.map(({ valueBytes, share }) => {
      const count = Math.ceil(records * share)
      return { valueBytes, records: count, rounds: Math.min(rounds, amounts.larger) }
    }),
  ]
}
