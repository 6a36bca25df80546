/**
 * `npm run bench`: our stores beside others, measured fairly.
 *
 * Each engine runs each group of workloads in a process of its own, engines in turn (A B A B),
 * round after round, on the same disk; medians speak. It prints, it never fails on a figure.
 * `--quick` ends within two minutes. The first run installs the rivals.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { htmlReport } from './chart.js'
import { measureCold } from './cold/main.js'
import { coldText } from './cold/report.js'
import { ENGINES } from './engine.js'
import { GOAL_WORKLOADS } from './goals.js'
import { loopText, measureLoop } from './loop.js'
import { describeMachine } from './machine.js'
import { showParts } from './parts/main.js'
import { headerText, machineText, tablesText, type Report } from './report.js'
import { installRivals } from './rivals/install.js'
import { runRounds } from './rounds.js'
import { GROUPS } from './workloads/all.js'

interface Options {
  readonly quick: boolean
  readonly only?: readonly string[]
  readonly rounds: number
  readonly records?: number
  readonly coldMb?: number
  readonly json?: string
  readonly html?: string
  readonly directory: string
}

const RECORDS = 200_000
const QUICK_RECORDS = 20_000
const LIMIT_MS = 3000
const QUICK_LIMIT_MS = 300
const COLD_MB = 1000
const QUICK_COLD_MB = 64
const EXTRAS = ['parts', 'loop', 'cold']
const WORKLOADS = GROUPS.flatMap(({ names }) => names)
const NAMES = [...WORKLOADS, 'goals', ...EXTRAS]

function whole(text: string): number {
  if (/^[1-9][0-9]*$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}

function workload(name: string, before: readonly string[] = []): readonly string[] {
  if (!NAMES.includes(name)) throw new InvalidArgumentError(`There are: ${NAMES.join(' ')}.`)
  return [...before, ...(name === 'goals' ? GOAL_WORKLOADS : [name])]
}

function readOptions(): Options {
  return new Command('bench')
    .option('--quick', 'less of everything: all of it within two minutes', false)
    .option('--only <name>', 'this one; may be given again', workload)
    .option('--rounds <n>', 'how often each engine runs', whole, 3)
    .option('--records <n>', 'instead of 200,000, or of 20,000 with --quick', whole)
    .option('--cold-mb <n>', 'size of the store of `cold`, instead of 1,000, or 64', whole)
    .option('--json <file>', 'the figures as JSON')
    .option('--html <file>', 'the figures as charts')
    .option('--directory <dir>', 'where the stores are; removed afterwards', join('data', 'bench'))
    .parse()
    .opts<Options>()
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The tables of workloads. */
async function compare(options: Options, wants: (name: string) => boolean): Promise<Report> {
  const { quick, rounds, directory } = options
  const records = options.records ?? (quick ? QUICK_RECORDS : RECORDS)
  const limitMs = quick ? QUICK_LIMIT_MS : LIMIT_MS
  const machine = describeMachine(directory)
  if (!WORKLOADS.some(wants)) {
    return { machine, records, rounds, engines: {}, results: [], failures: [] }
  }
  const absent = installRivals()
  const engines = ENGINES.filter((name) => !absent.has(name))
  const measured = await runRounds({ directory, engines, rounds, records, limitMs, wants })
  const left = [...absent].map(([name, reason]) => `${name}: ${reason}`)
  return { machine, records, rounds, ...measured, failures: [...left, ...measured.failures] }
}

async function main(): Promise<void> {
  const options = readOptions()
  const { quick, directory, only } = options
  const wants = (name: string): boolean => only === undefined || only.includes(name)
  await mkdir(directory, { recursive: true })
  try {
    let report = await compare(options, wants)
    if (report.results.length > 0) print(`${headerText(report)}\n${tablesText(report)}`)
    else print(machineText(report.machine))
    if (wants('loop')) {
      report = { ...report, loop: await measureLoop(join(directory, 'loop'), quick) }
      print(loopText(report.loop!))
    }
    if (wants('cold')) {
      const rounds = quick ? 1 : options.rounds
      const megabytes = options.coldMb ?? (quick ? QUICK_COLD_MB : COLD_MB)
      report = { ...report, cold: await measureCold(join(directory, 'cold'), megabytes, rounds) }
      print(coldText(report.cold!))
    }
    if (wants('parts')) await showParts(quick)
    for (const failure of report.failures) print(`not measured: ${failure}`)
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
    }
    if (options.html !== undefined) await writeFile(options.html, htmlReport(report))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

await main()
