/**
 * Power loss at any moment of seeded workloads on the native plane, in both its ways of I/O.
 *
 * The test build of the addon and a storage that tells what control does give one order of every
 * operation on files; replayed up to a moment, with what no sync covers lost in part, it gives
 * directories that a power cut may leave. Both planes must open each, with the same content: an
 * exact prefix of the writes, no shorter than what was acknowledged as durable; and go on. 5,000
 * states that differ in full, 500 by default. That the campaign can fail is tried as well: with
 * any kind of sync taken out of the trace it must.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseFileName } from '../../lib/format/names.js'
import { LIMIT_MS, below, campaign, isFull, pick, seedsOf } from '../support/campaign.js'
import type { Entry } from '../support/model.js'
import { nativeRequired, withEnvironment } from '../support/planes.js'
import type { NativeIo, PlaneName } from '../support/planes.js'
import { random } from '../support/random.js'
import { quickScratch } from '../support/scratch.js'
import { findTrace } from '../support/trace.js'
import type { TraceAddon, TraceEvent, TraceSearch } from '../support/trace.js'
import { Replay } from '../support/trace-replay.js'
import type { CrashState, Left } from '../support/trace-replay.js'
import { testFaults } from './native-power-faults.js'
import { digestOf, layDown, recoverInMemory, recoverNative } from './native-power-recover.js'
import { record, waysOfIo } from './native-power-workload.js'
import type { Moment, Recording } from './native-power-workload.js'

const SEEDS = 40
const STEPS = 60
/** Moments tried per seed; some give the same state. */
const MOMENTS = 235
/** Syncs of journals that are taken out, one at a time. */
const CONTROL_SYNCS = 20
/** Recoveries wait for threads most of their time. */
const TOGETHER = 8
const LEAST_STATES = isFull ? 5000 : 500
let directories = 0

interface Crash {
  readonly at: number
  readonly left: Left
  readonly seed: number
}

/** Moments of a trace in order: half of them just after something was acknowledged. */
function crashesOf({ work, events }: Recording, dice: () => number): Crash[] {
  const start = work.moments[0]!.at
  const end = Math.max(work.moments.at(-1)!.at, ...events.map(({ begin }) => begin)) + 1
  const crashes = Array.from({ length: MOMENTS }, (): Crash => {
    const left = pick(dice, ['nothing', 'nothing', 'everything', 'torn', 'some', 'some'] as const)
    const at = dice() < 0.5 ? pick(dice, work.moments).at : start + below(dice, end - start)
    return { at, left, seed: below(dice, 1 << 30) }
  })
  return crashes.sort((a, b) => a.at - b.at)
}

/** What both planes recover of a state, in a directory of its own. */
async function recover(state: CrashState, plane: PlaneName): Promise<Entry[]> {
  const directory = join(root, `state-${++directories}`)
  try {
    layDown(state, directory)
    const found = await recoverNative(directory, plane)
    assert.deepEqual(await recoverInMemory(state), found, 'both planes recover the same')
    return found
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** Throws the first failure once none is under way. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}

/** Recovers every crash of a recording; gives how many states differed. */
async function recoverAll(recording: Recording, seed: number): Promise<number> {
  const { work, events } = recording
  const dice = random(seed + 77)
  const replay = new Replay(events)
  const seen = new Map<string, Promise<Entry[]>>()
  const judge = async (crash: Crash, recovered: Promise<Entry[]>): Promise<void> => {
    try {
      const found = await recovered
      const { durable, submitted } = work.momentAt(crash.at)
      work.history.check(found, durable, submitted)
    } catch (error) {
      throw new Error(JSON.stringify(crash), { cause: error })
    }
  }
  let together: Promise<void>[] = []
  for (const crash of crashesOf(recording, dice)) {
    replay.advance(crash.at)
    const state = replay.crash(crash.left, crash.seed)
    const digest = digestOf(state)
    const recovered = seen.get(digest) ?? recover(state, pick(dice, ['native', 'typescript']))
    seen.set(digest, recovered)
    together.push(judge(crash, recovered))
    if (together.length < TOGETHER) continue
    await allEnded(together)
    together = []
  }
  await allEnded(together)
  return seen.size
}

function testPowerLoss(addon: TraceAddon, ways: readonly NativeIo[]): void {
  t.test(`power loss at any moment: ${ways.join(', ')}`, async (t) => {
    let states = 0
    const walked = new Set<string>()
    await campaign(t, SEEDS, async (seed) => {
      const io = ways[seed % ways.length]!
      const directory = join(root, `recorded-${seed}`)
      const recording = await record(addon, io, directory, seed, STEPS)
      fs.rmSync(directory, { recursive: true, force: true })
      const found = await withEnvironment('CAIRN_IO', io, () => recoverAll(recording, seed))
      states += found
      for (const path of recording.events.flatMap(pathsOf)) walked.add(path)
      return `${io}: ${found} states of ${recording.events.length} operations`
    })
    const enough = states >= LEAST_STATES || seedsOf(SEEDS).length === 1
    t.ok(enough, `${states} states that differ, at least ${LEAST_STATES}`)
    t.same(
      PATHS.filter((path) => !walked.has(path)),
      [],
      'the workloads walk every path',
    )
  })
}

/** What workloads must do, as it shows in a trace. */
const PATHS = ['create journal', 'create table', 'create manifest', 'remove journal'].concat([
  'remove table',
  'rename',
  'write behind the loop',
  'write a whole piece',
  'write zeros',
  'truncate',
])

function pathsOf(event: TraceEvent): string[] {
  if (event.kind === 'create' || event.kind === 'remove')
    return [`${event.kind} ${parseFileName(event.name).kind}`]
  if (event.kind !== 'write') return [event.kind]
  const { length } = event.bytes
  if (event.bytes.every((byte) => byte === 0)) return ['write zeros']
  return [
    length >= 1 << 20 ? 'write a whole piece' : length > 1 << 18 ? 'write behind the loop' : '',
  ]
}

/** Whether a power cut at a moment of a trace loses what was durable. */
async function loses({ work }: Recording, replay: Replay, moment: Moment): Promise<boolean> {
  replay.advance(moment.at)
  try {
    const found = await recoverInMemory(replay.crash('nothing', 0))
    work.history.check(found, moment.durable, moment.submitted)
    return false
  } catch {
    return true
  }
}

/** Moments at which more became durable than was before. */
function durableMoments({ work }: Recording): Moment[] {
  return work.moments.filter(({ durable }, i) => durable > (work.moments[i - 1]?.durable ?? 0))
}

/** Takes events out of a trace, and looks for a moment that the rest does not live up to. */
async function noticed(
  recording: Recording,
  moments: readonly Moment[],
  gone: (event: TraceEvent) => boolean,
): Promise<Moment | undefined> {
  const replay = new Replay(recording.events.filter((event) => !gone(event)))
  for (const moment of moments) {
    if (!(await loses(recording, replay, moment))) continue
    assert.ok(!(await loses(recording, new Replay(recording.events), moment)), 'nothing is gone')
    return moment
  }
  return undefined
}

function testControls(addon: TraceAddon, io: NativeIo): void {
  t.test('the campaign can fail', async (t) => {
    const recording = await record(addon, io, join(root, 'control'), 1, STEPS)
    const moments = durableMoments(recording)
    for (const [what, pattern] of [
      ['of journals', /\.log$/],
      ['of tables', /\.(ldb|sst)$/],
      ['of MANIFESTs', /^MANIFEST/],
      ['of the directory', /^syncDirectory$/],
    ] as const) {
      const moment = await noticed(recording, moments, (event) => pattern.test(nameOf(event)))
      t.ok(moment, `without syncs ${what}`)
    }
    const syncs = recording.events.filter((event) => /\.log$/.test(nameOf(event)))
    let count = 0
    for (const [i, sync] of syncs.slice(0, CONTROL_SYNCS).entries()) {
      // What became durable by it, before the next one covers the same.
      const next = syncs[i + 1]?.end ?? Infinity
      const between = moments.filter(({ at }) => at > sync.end && at < next).slice(0, 1)
      if (await noticed(recording, between, (event) => event === sync)) count++
    }
    t.ok(count > CONTROL_SYNCS / 4, `one sync of a journal gone: noticed ${count} times`)
  })
}

function nameOf(event: TraceEvent): string {
  return event.kind === 'sync' ? event.name : event.kind
}

// Time to build the addon; each test has its own.
t.setTimeout(LIMIT_MS)
const root = quickScratch(t)
// Not PLANES: that misses the native plane where the released addon is not built.
const wanted = (process.env['PLANES'] || 'native').split(',').includes('native')
const trace: TraceSearch = wanted ? findTrace() : { reason: 'PLANES names no native plane' }
if (trace.addon === undefined) {
  if (nativeRequired && wanted) t.fail(`there is no test build of native/os: ${trace.reason}`)
  else t.test('power loss on the native plane', { skip: trace.reason }, () => {})
} else {
  const { addon, file } = trace
  process.env['CAIRN_ADDON'] = file
  const ways = await waysOfIo(t, join(root, 'ways'))
  if (ways.length === 0) t.fail(`${file} gives no native plane`)
  else {
    testPowerLoss(addon, ways)
    testControls(addon, ways[0]!)
    testFaults(t, addon, ways, root)
  }
}
