/**
 * The same operations on every side: the same files to the byte under the serial schedule, the
 * same content whatever the schedule, and each side opens what the others wrote, whole or with the
 * newest journal cut anywhere in its last two records. 300 traces in full, a tenth by default.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { diskStorage } from '../../lib/io/index.js'
import { journalName } from '../../lib/format/names.js'
import { openJournal } from '../../lib/journal/reader.js'
import { campaign, isFull } from '../support/campaign.js'
import { codesOf } from '../support/level.js'
import { quickScratch } from '../support/scratch.js'
import { everySide } from './sides.js'
import type { Side } from './sides.js'
import { contentOf, layDown, makeTrace, openTree, pictureOf, runTrace } from './trace.js'
import { settleBackground, told } from './trace.js'
import type { Outcome, Picture, Trace } from './trace.js'

const TRACES = 300
/** Cuts take hundreds of openings, so not every trace is cut, and none of many files. */
const CUT_EVERY = isFull ? 3 : 10
const CUT_FILES_MOST = 30

const root = quickScratch(t)
const sides = await everySide(t)
let directories = 0

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = join(root, String(++directories))
  try {
    return await work(directory)
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** What opening a directory that looks like this gives, and what it leaves when it is closed. */
function reopened(trace: Trace, side: Side, picture: Picture): Promise<string> {
  return inDirectory(async (directory) => {
    layDown(picture, directory)
    let answer: string
    try {
      const tree = await openTree(trace, side, directory, true)
      await settleBackground(tree)
      answer = `${await contentOf(tree)}\n${JSON.stringify(tree.recovered)}`
      await tree.close()
    } catch (error) {
      answer = `${codesOf(error).join()} ${String(error).replace(directory, '')}`
    }
    return `${answer}\n${told(pictureOf(directory))}`
  })
}

/** The newest journal that holds something, and where its last two records begin and end. */
async function lastRecords(
  picture: Picture,
): Promise<{ name: string; from: number; to: number } | undefined> {
  const name = [...picture.keys()]
    .filter((name) => name.endsWith('.log') && picture.get(name)!.length > 0)
    .sort()
    .at(-1)
  if (name === undefined) return undefined
  return inDirectory(async (directory) => {
    layDown(new Map([[journalName(1), picture.get(name)!]]), directory)
    const reader = await openJournal(diskStorage(directory), journalName(1))
    const spans: { offset: number; end: number }[] = []
    for (let record = await reader.next(); record; record = await reader.next())
      spans.push({ offset: record.offset, end: record.end })
    await reader.close()
    const last = spans.at(-1)
    return last && { name, from: (spans.at(-2) ?? last).offset, to: last.end }
  })
}

/** Every side must open every cut with the same answer; gives the number of cuts. */
async function compareCuts(trace: Trace, picture: Picture): Promise<number> {
  if (picture.size > CUT_FILES_MOST) return 0
  const last = await lastRecords(picture)
  if (last === undefined) return 0
  for (let cut = last.from; cut < last.to; cut++) {
    const shorter = new Map(picture)
    shorter.set(last.name, picture.get(last.name)!.subarray(0, cut))
    const [oracle, ...others] = sides
    const expected = await reopened(trace, oracle!, shorter)
    for (const side of others)
      assert.equal(
        await reopened(trace, side, shorter),
        expected,
        `${side.name}: ${last.name} cut to ${cut} bytes`,
      )
  }
  return last.to - last.from
}

function runAll(trace: Trace, serial: boolean): Promise<Outcome[]> {
  return Promise.all(
    sides.map((side) => inDirectory((directory) => runTrace(trace, side, directory, serial))),
  )
}

t.test(`traces: ${sides.map(({ name }) => name).join(' | ')}`, async (t) => {
  await campaign(t, TRACES, async (seed) => {
    const trace = makeTrace(seed)
    const [oracle, ...others] = await runAll(trace, true)
    for (const [i, outcome] of others.entries()) {
      const { name } = sides[i + 1]!
      assert.deepEqual(outcome.answers, oracle!.answers, `${name}: what was read on the way`)
      assert.equal(outcome.content, oracle!.content, `${name}: content`)
      assert.equal(told(outcome.dying), told(oracle!.dying), `${name}: files before the close`)
      assert.equal(told(outcome.closed), told(oracle!.closed), `${name}: files`)
    }
    const concurrent = await runAll(trace, false)
    for (const [i, outcome] of concurrent.entries()) {
      const { name } = sides[i]!
      assert.equal(outcome.content, oracle!.content, `${name}: content of many at once`)
      for (const what of ['dying', 'closed'] as const) {
        const answers = await Promise.all(sides.map((side) => reopened(trace, side, outcome[what])))
        for (const [j, answer] of answers.entries()) {
          const found = `what ${name} left ${what}, opened by ${sides[j]!.name}`
          assert.equal(answer.split('\n')[0], oracle!.content, found)
          assert.equal(answer, answers[0], found)
        }
      }
    }
    if (seed % CUT_EVERY !== 0) return `${trace.operations.length} operations`
    const writer = concurrent[seed % concurrent.length]!
    const cuts =
      (await compareCuts(trace, oracle!.dying)) + (await compareCuts(trace, writer.dying))
    return `${trace.operations.length} operations, ${cuts} cuts`
  })
})
