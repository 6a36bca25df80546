/**
 * The main job, `npm start`: 135,233 cities, written durably, cut short by SIGKILL, and all there.
 *
 * A child writes and tells every acknowledged record; in the middle it is killed. A second child
 * holds what is found then to the source: exactly the first n records, no acknowledged one
 * missing. A third writes the rest, a fourth checks everything and answers a few questions.
 * Exits with 0 only if all of it held. Leaves ./data/cities and nothing else.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import type { CheckerMessage, CheckerTask } from './checker.js'
import { startChild } from './channel.js'
import { readCities } from './source.js'
import type { WriterMessage, WriterTask } from './writer.js'

const DIRECTORY = join('data', 'cities')

interface Written {
  readonly acknowledged: ReadonlySet<number>
  readonly seconds: number
  readonly syncs: number | undefined
  readonly plane: { readonly name: string; readonly io: string; readonly reason: string }
  readonly ended: number | NodeJS.Signals
}

/** Writes from record `from`; kills the writer once it has acknowledged `killAfter` records. */
async function write(from: number, total: number, killAfter: number): Promise<Written> {
  const task: WriterTask = { directory: DIRECTORY, from }
  const child = startChild<WriterMessage>('writer.js', task)
  const bar = progressBar(total, from, 'writing ')
  const acknowledged = new Set<number>()
  const started = performance.now()
  let seconds: number | undefined
  let syncs: number | undefined
  let plane = { name: 'none', io: 'none', reason: 'it never opened' }
  try {
    for await (const message of child.messages) {
      if (message.kind === 'open') plane = message.plane
      else if (message.kind === 'done') ({ seconds, syncs } = message)
      else {
        for (const record of message.records) acknowledged.add(record)
        bar?.update(from + acknowledged.size)
        if (acknowledged.size >= killAfter) child.process.kill('SIGKILL')
      }
    }
    const ended = await child.ended
    seconds ??= (performance.now() - started) / 1000
    return { acknowledged, seconds, syncs, plane, ended }
  } finally {
    bar?.stop()
    child.process.kill('SIGKILL')
  }
}

async function check(questions: boolean): Promise<CheckerMessage> {
  const task: CheckerTask = { directory: DIRECTORY, questions }
  const child = startChild<CheckerMessage>('checker.js', task)
  let found: CheckerMessage | undefined
  for await (const message of child.messages) found = message
  const ended = await child.ended
  if (found === undefined || ended !== 0) throw new Error(`the checker ended with ${ended}`)
  return found
}

function progressBar(total: number, from: number, name: string): SingleBar | undefined {
  if (!process.stderr.isTTY) return undefined
  const bar = new SingleBar({
    format: `${name} {bar} {value}/{total}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  bar.start(total, from)
  return bar
}

/** On a terminal only: in a pipe the summary speaks alone. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`)
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function plural(value: number, thing: string): string {
  return `${count(value)} ${thing}${value === 1 ? '' : 's'}`
}

async function sizes(): Promise<{ files: number; bytes: number }> {
  const names = await readdir(DIRECTORY)
  const found = await Promise.all(names.map((name) => stat(join(DIRECTORY, name))))
  const files = found.filter((one) => one.isFile())
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

function showTable(title: string, head: readonly string[], rows: readonly string[][]): void {
  const table = new Table({ head: [...head], style: { head: [], border: [] } })
  table.push(...rows)
  process.stdout.write(`\n${title}\n${table.toString()}\n`)
}

function tornText({ recovered }: CheckerMessage): string {
  const { torn } = recovered
  if (torn === undefined) return 'nothing torn'
  return `torn tail cut: ${torn.file} at byte ${count(torn.offset)} (${torn.reason})`
}

/** What has to be true, by name; the job holds when all of it is. */
type Verdicts = Record<string, boolean>

function judge(total: number, first: Written, cut: CheckerMessage, last: CheckerMessage): Verdicts {
  const lost = [...first.acknowledged].filter((record) => record >= cut.records)
  return {
    'the writer was killed in mid-write': first.ended === 'SIGKILL' && cut.records < total,
    'after the kill: every acknowledged record was there': lost.length === 0,
    'after the kill: exactly the first n records, whole': cut.problems.length === 0,
    'after the kill: verify() found no damage': cut.verified.ok,
    'at the end: every record equals the source': last.records === total && !last.problems.length,
    'at the end: every answer equals the source': last.answers.every(({ right }) => right),
    'at the end: verify() found no damage': last.verified.ok,
  }
}

async function main(): Promise<void> {
  const started = performance.now()
  const total = readCities().length
  const again = await stat(DIRECTORY).then(
    () => true,
    () => false,
  )
  if (again) await rm(DIRECTORY, { recursive: true })
  process.stdout.write(`cairndb: ${count(total)} cities into ./${DIRECTORY}`)
  process.stdout.write(again ? ', afresh: an earlier run was removed\n' : '\n')

  const killAfter = Math.round(total * (0.3 + 0.4 * Math.random()))
  const first = await write(0, total, killAfter)
  say(`killed after ${plural(first.acknowledged.size, 'acknowledged record')}; looking`)
  const cut = await check(false)
  say(`${plural(cut.records, 'record')} there; going on`)
  const second = await write(cut.records, total, Infinity)
  if (second.ended !== 0) throw new Error(`the second writer ended with ${second.ended}`)
  say('checking everything')
  const last = await check(true)
  const verdicts = judge(total, first, cut, last)

  showSummary(first, cut, second, last, await sizes())
  const marks = Object.entries(verdicts).map(([name, held]) => [held ? 'yes' : 'NO', name])
  showTable('What had to hold', ['held', 'promise'], marks)
  for (const problem of [...cut.problems, ...last.problems]) process.stdout.write(`${problem}\n`)
  const held = Object.values(verdicts).every(Boolean)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`\n${held ? 'All of it held' : 'IT DID NOT HOLD'}, in ${seconds} s.\n`)
  process.exitCode = held ? 0 : 1
}

function showSummary(
  first: Written,
  cut: CheckerMessage,
  second: Written,
  last: CheckerMessage,
  size: { files: number; bytes: number },
): void {
  const rate = (records: number, seconds: number) => `${count(records / seconds)}/s`
  const ms = (value: number) => `${count(value)} ms`
  const { name, io, reason } = second.plane
  const perSync = second.syncs ? second.acknowledged.size / second.syncs : undefined
  showTable(
    'What happened',
    ['step', 'result', 'rate or time'],
    [
      [
        'written durably, then SIGKILL',
        `${count(first.acknowledged.size)} acknowledged`,
        rate(first.acknowledged.size, first.seconds),
      ],
      ['opened again', `${plural(cut.recovered.records, 'record')} replayed`, ms(cut.openMs)],
      ['', tornText(cut), ''],
      ['checked', `${count(cut.records)} cities there`, rate(cut.records, cut.checkMs / 1000)],
      [
        'the rest written durably',
        `${count(second.acknowledged.size)} acknowledged`,
        rate(second.acknowledged.size, second.seconds),
      ],
      ...(perSync === undefined ? [] : [['', `${count(perSync)} cities to one sync`, '']]),
      ['opened again', `${plural(last.recovered.records, 'record')} replayed`, ms(last.openMs)],
      ['checked', `${count(last.records)} cities there`, rate(last.records, last.checkMs / 1000)],
      [
        'verify()',
        `${plural(last.verified.records, 'entry').replace('entrys', 'entries')}`,
        ms(last.verifyMs),
      ],
      ['on disk', `${plural(size.files, 'file')}`, `${(size.bytes / 1e6).toFixed(1)} MB`],
      ['plane', `${name}, ${io}`, reason],
    ],
  )
  const answers = last.answers.map(({ question, answer, rows, micros }) => {
    return [question, answer, count(rows), `${count(micros)} us`]
  })
  showTable('What it answers', ['question', 'answer', 'rows', 'time'], answers)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`the job failed: ${(error as Error).stack}\n`)
  process.exitCode = 1
}
