/**
 * `npm run bench`: our stores beside others, measured fairly.
 *
 * Each engine runs each group of workloads in a process of its own, engines in turn (A B A B),
 * round after round, on the same disk; medians speak. It prints, it never fails on a figure.
 * `--quick` ends within two minutes. Rivals are measured where `npm install --prefix bench` has
 * put them.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError } from 'commander'
import { htmlReport } from './chart.js'
import type { ChildAnswer, ChildTask } from './child.js'
import { ENGINES, isInstalled, type EngineName } from './engine.js'
import { measureLateness, showLateness } from './loop.js'
import { describeMachine } from './machine.js'
import { showParts } from './parts/main.js'
import { headerText, tableText, type Report, type Result } from './report.js'
import { GROUPS } from './workloads.js'

interface Options {
  readonly quick?: boolean
  readonly only?: readonly string[]
  readonly rounds: number
  readonly records: number
  readonly json?: string
  readonly html?: string
  readonly directory: string
}

const RECORDS = 200_000
const QUICK_RECORDS = 20_000
const EXTRAS = ['parts', 'loop']
const WORKLOADS = GROUPS.flatMap(({ names }) => names)

function whole(text: string): number {
  if (/^[1-9][0-9]*$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}

function workload(name: string, before: readonly string[] = []): readonly string[] {
  if (WORKLOADS.includes(name) || EXTRAS.includes(name)) return [...before, name]
  throw new InvalidArgumentError(`There are: ${[...WORKLOADS, ...EXTRAS].join(' ')}.`)
}

function readOptions(): Options {
  const options = new Command('bench')
    .option('--quick', 'fewer records: all of it within two minutes')
    .option('--only <workload>', 'this one; may be given again', workload)
    .option('--rounds <n>', 'how often each engine runs', whole, 3)
    .option('--records <n>', 'instead of 200,000, or of 20,000 with --quick', whole)
    .option('--json <file>', 'the figures as JSON')
    .option('--html <file>', 'the figures as charts')
    .option('--directory <dir>', 'where the stores are; removed afterwards', join('data', 'bench'))
    .parse()
    .opts<Omit<Options, 'records'> & { records?: number }>()
  return { ...options, records: options.records ?? (options.quick ? QUICK_RECORDS : RECORDS) }
}

function wanted(options: Options, name: string): boolean {
  return options.only === undefined || options.only.includes(name)
}

async function runChild(task: ChildTask): Promise<ChildAnswer> {
  const file = fileURLToPath(new URL('child.js', import.meta.url))
  const child = fork(file, [JSON.stringify(task)])
  let answer: ChildAnswer | undefined
  child.on('message', (message) => (answer = message as ChildAnswer))
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code === 0 && answer !== undefined) return answer
  throw new Error(`${task.engine}, ${GROUPS[task.group]!.names.join(' ')}: ${signal ?? code}`)
}

/** Every round of every group, the engines in turn. */
async function measure(options: Options, engines: readonly EngineName[]): Promise<Report> {
  const groups = GROUPS.map(({ names }, group) => ({ names, group })).filter(({ names }) => {
    return names.some((name) => wanted(options, name))
  })
  const results = new Map<string, Result>()
  const descriptions: Partial<Record<EngineName, string>> = {}
  const bar = progressBar(groups.length * engines.length * options.rounds)
  for (let round = 0; round < options.rounds; round++) {
    for (const { names, group } of groups) {
      for (const engine of engines) {
        bar?.increment(0, { now: `${engine}: ${names.join(' ')}` })
        const directory = join(options.directory, engine)
        const { records } = options
        const answer = await runChild({ engine, group, directory, records })
        descriptions[engine] = answer.description
        for (const timing of answer.timings) {
          if (!wanted(options, timing.workload)) continue
          const { figure, ...what } = timing
          const name = `${timing.workload} ${timing.variant} ${engine}`
          const result = results.get(name) ?? { ...what, engine, figures: [] }
          result.figures.push(figure)
          results.set(name, result)
        }
        bar?.increment()
      }
    }
  }
  bar?.stop()
  const machine = describeMachine(options.directory)
  const { records, rounds } = options
  return { machine, records, rounds, engines: descriptions, results: [...results.values()] }
}

function progressBar(steps: number): SingleBar | undefined {
  if (!process.stderr.isTTY || steps === 0) return undefined
  const bar = new SingleBar({
    format: '{bar} {percentage}% {eta_formatted} | {now}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  bar.start(steps, 0, { now: '' })
  return bar
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function main(): Promise<void> {
  const options = readOptions()
  await mkdir(options.directory, { recursive: true })
  try {
    const engines = ENGINES.filter(isInstalled)
    const absent = ENGINES.filter((name) => !engines.includes(name))
    let report = await measure(options, engines)
    if (report.results.length > 0) print(`${headerText(report)}\n${tableText(report)}`)
    if (absent.length > 0) {
      print(`not measured, not installed: ${absent.join(', ')} (npm install --prefix bench)`)
    }
    const quick = options.quick === true
    if (wanted(options, 'loop')) {
      const lateness = await measureLateness(join(options.directory, 'loop'), quick)
      showLateness(lateness)
      report = { ...report, lateness }
    }
    if (wanted(options, 'parts')) await showParts(quick)
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
    }
    if (options.html !== undefined) await writeFile(options.html, htmlReport(report))
  } finally {
    await rm(options.directory, { recursive: true, force: true })
  }
}

await main()
