/**
 * `npm run bench`: our stores beside others, measured fairly.
 *
 * Each engine runs each group of workloads in a process of its own, engines in turn (A B A B),
 * round after round, on the same disk; medians speak. It prints, it never fails on a figure.
 * The first run installs the rivals.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { measureCold } from './cold/main.js'
import { coldText } from './cold/report.js'
import { ENGINES, type EngineName } from './engine.js'
import { stopOnSignals, stopping } from './fork.js'
import { htmlReport } from './html/report.js'
import { loadDrawing } from './html/vega.js'
import { loopText, measureLoop } from './loop.js'
import { describeMachine } from './machine.js'
import { readOptions, WORKLOADS, type BenchOptions } from './options.js'
import { measureParts, partsText } from './parts/main.js'
import { machineText, notesText, rowsText, type Report, type SizeReport } from './report.js'
import { installRivals } from './rivals/install.js'
import { runRounds, type Measured } from './rounds.js'
import { GROUPS } from './workloads/all.js'

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function needsRivals(wants: BenchOptions['wants']): boolean {
  return GROUPS.some(({ names, engines }) => engines === undefined && names.some(wants))
}

/** The workloads of all engines, size by size; each is printed when it is done. */
async function compare(options: BenchOptions): Promise<Omit<Report, 'machine'>> {
  const { directory, limitMs, wants, asked } = options
  const absent = needsRivals(wants) ? installRivals() : new Map<EngineName, string>()
  const engines = ENGINES.filter((name) => !absent.has(name))
  const failures = [...absent].map(([name, reason]) => `${name}: ${reason}`)
  const sizes: SizeReport[] = []
  let described: Measured['engines'] = {}
  for (const size of options.sizes) {
    const anySize = size !== options.sizes[0]
    const plan = { ...size, directory, engines, limitMs, wants, asked, anySize }
    const { engines: more, results, sequences, failures: failed } = await runRounds(plan)
    described = { ...more, ...described }
    failures.push(...failed)
    sizes.push({ ...size, results, sequences })
    if (!anySize) print(notesText(described))
    if (results.length > 0) print(`\n${rowsText(sizes.at(-1)!, described)}`)
  }
  return { sizes, engines: described, failures }
}

async function measure(options: BenchOptions): Promise<Report> {
  const { quick, directory, wants } = options
  const machine = describeMachine(directory)
  print(machineText(machine))
  const none = { sizes: [], engines: {}, failures: [] }
  let report: Report = { machine, ...(WORKLOADS.some(wants) ? await compare(options) : none) }
  if (wants('loop')) {
    report = { ...report, loop: await measureLoop(join(directory, 'loop'), quick) }
    print(`\n${loopText(report.loop!)}`)
  }
  if (wants('cold')) {
    const { coldMb, coldRounds } = options
    report = { ...report, cold: await measureCold(join(directory, 'cold'), coldMb, coldRounds) }
    print(`\n${coldText(report.cold!)}`)
  }
  if (wants('parts')) {
    report = { ...report, parts: await measureParts(join(directory, 'parts'), quick) }
    print(`\n${partsText(report.parts!)}`)
  }
  for (const failure of report.failures) print(`not measured: ${failure}`)
  return report
}

async function main(): Promise<void> {
  const options = readOptions()
  stopOnSignals()
  // Known before an hour of measuring, not after.
  const draw = options.html === undefined ? undefined : await loadDrawing()
  await mkdir(options.directory, { recursive: true })
  const directory = await mkdtemp(join(options.directory, 'bench-'))
  try {
    const report = await measure({ ...options, directory })
    const { json, html } = options
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`)
    if (html !== undefined) await writeFile(html, await htmlReport(report, draw!))
  } catch (error) {
    if (!stopping.aborted) throw error
    process.stderr.write(`${(stopping.reason as Error).message}\n`)
    process.exitCode = 130
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

await main()
