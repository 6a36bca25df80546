/**
 * What the replay of a trace may lose and what not: the rules that the power campaign stands on.
 */
import t from 'tap'
import { Replay } from '../support/trace-replay.js'
import type { CrashState, Left } from '../support/trace-replay.js'
import { mergeTrace } from '../support/trace.js'
import type { ControlOperation, NativeOperation, TraceEvent } from '../support/trace.js'

const SECTOR = 512
const NAME = '000001.log'
const BASE: TraceEvent[] = [
  { kind: 'createDirectory', begin: 1, end: 2 },
  { kind: 'create', name: NAME, file: 1, begin: 3, end: 4 },
  { kind: 'syncDirectory', begin: 5, end: 6 },
]

function write(begin: number, end: number, position: number, length: number): TraceEvent {
  const bytes = new Uint8Array(length).fill(begin)
  return { kind: 'write', file: 1, position, bytes, begin, end }
}

function sync(begin: number, end: number): TraceEvent {
  return { kind: 'sync', file: 1, name: NAME, begin, end }
}

function crash(events: readonly TraceEvent[], at: number, left: Left, seed = 1): CrashState {
  const replay = new Replay([...BASE, ...events])
  replay.advance(at)
  return replay.crash(left, seed)
}

/** Bytes of the file that a power cut leaves when it leaves as little as it may. */
function least(events: readonly TraceEvent[], at: number): number | undefined {
  return crash(events, at, 'nothing')?.get(NAME)?.length
}

t.test('a sync covers what ended before it began, once it has ended', async (t) => {
  const events = [write(10, 11, 0, 100), sync(12, 15)]
  t.equal(least(events, 14), 0, 'not while it is under way')
  t.equal(least(events, 15), 100)
  const overlapping = [write(10, 13, 0, 100), sync(12, 15), sync(16, 17)]
  t.equal(least(overlapping, 15), 0, 'not what ended meanwhile')
  t.equal(least(overlapping, 17), 100)
  t.equal(least([write(10, Infinity, 0, 100), sync(12, 15)], 20), 0, 'nor what never ended')
  t.equal(crash(events, 10, 'everything')?.get(NAME)?.length, 100, 'it may be there all the same')
  t.equal(crash(events, 9, 'everything')?.get(NAME)?.length, 0, 'but not before it began')
})

t.test('names survive by a sync of the directory', async (t) => {
  t.equal(crash([], 1, 'nothing'), undefined, 'the directory itself may be missing')
  t.same([...crash([], 5, 'nothing')!.keys()], [])
  t.same([...crash([], 6, 'nothing')!.keys()], [NAME])
  const events: TraceEvent[] = [
    { kind: 'rename', name: NAME, to: 'CURRENT', begin: 10, end: 11 },
    { kind: 'remove', name: 'CURRENT', begin: 12, end: 15 },
    { kind: 'syncDirectory', begin: 14, end: 16 },
  ]
  t.same([...crash(events, 15, 'nothing')!.keys()], [NAME])
  t.same([...crash(events, 16, 'nothing')!.keys()], ['CURRENT'], 'the removal was under way')
  t.same([...crash(events, 16, 'everything')!.keys()], [])
})

t.test('a name in a subdirectory does not survive without it', async (t) => {
  const below = `wal/${NAME}`
  const events: TraceEvent[] = [
    { kind: 'makeDirectory', name: 'wal', begin: 10, end: 11 },
    { kind: 'create', name: below, file: 2, begin: 12, end: 13 },
    { kind: 'syncDirectory', begin: 14, end: 15 },
    { kind: 'remove', name: below, begin: 16, end: 17 },
  ]
  const seen = new Set<string>()
  for (let seed = 1; seed < 100; seed++)
    seen.add([...crash(events, 13, 'some', seed)!.keys()].join())
  t.same([...seen].sort(), [NAME, `${NAME},${below}`])
  t.same([...crash(events, 13, 'nothing')!.keys()], [NAME])
  t.same([...crash(events, 15, 'nothing')!.keys()], [NAME, below])
  t.same([...crash(events, 17, 'nothing')!.keys()], [NAME, below])
  t.same([...crash(events, 17, 'everything')!.keys()], [NAME])
})

t.test('what is torn is torn at a sector', async (t) => {
  const events = [write(10, 11, 0, 700), write(12, 13, 700, 4 * SECTOR)]
  const sizes = new Set<number>()
  for (let seed = 1; seed < 200; seed++)
    sizes.add(crash(events, 13, 'torn', seed)!.get(NAME)!.length)
  const bounds = [700, 1024, 1536, 2048, 2560]
  t.same(
    [...sizes].sort((a, b) => a - b),
    bounds,
    'the newest write alone, whole never',
  )
  const contents = new Set<string>()
  for (let seed = 1; seed < 200; seed++) {
    const bytes = crash(events, 13, 'some', seed)!.get(NAME)!
    contents.add(Buffer.from(bytes).toString('hex'))
    for (let at = 0; at < bytes.length; at++)
      if (bytes[at] !== 0 && bytes[at] !== (at < 700 ? 10 : 12)) t.fail(`byte ${at}`)
  }
  t.ok(contents.size > 20, `${contents.size} contents`)
})

t.test('one order of both planes; failures leave what nobody knows', async (t) => {
  const bytes = new Uint8Array(10).fill(7)
  const done = { name: NAME, directory: 0, inode: 5, position: 0, bytes, result: 0 } as const
  const native: NativeOperation[] = [
    { ...done, kind: 'create', begin: 1, end: 2 },
    { ...done, kind: 'write', begin: 3, end: 4, result: 4 },
    { ...done, kind: 'write', begin: 5, end: 6, result: -28 },
    { ...done, kind: 'sync', begin: 7, end: 8, result: -5 },
    { ...done, kind: 'sync', begin: 9, end: 0 },
    { ...done, kind: 'remove', begin: 11, end: 12 },
    { ...done, kind: 'create', begin: 13, end: 14 },
  ]
  const control: ControlOperation[] = [
    { kind: 'truncate', inode: 5, position: 3, begin: 15, end: 16 },
  ]
  const events = mergeTrace(native, control)
  t.same(
    events.map((event) => ({ ...event, bytes: 'bytes' in event ? event.bytes.length : 0 })),
    [
      { kind: 'create', name: NAME, file: 1, begin: 1, end: 2, bytes: 0 },
      { kind: 'write', file: 1, position: 0, begin: 3, end: 4, bytes: 4 },
      { kind: 'write', file: 1, position: 0, begin: 5, end: Infinity, bytes: 10 },
      { kind: 'sync', name: NAME, file: 1, begin: 9, end: Infinity, bytes: 0 },
      { kind: 'remove', name: NAME, begin: 11, end: 12, bytes: 0 },
      { kind: 'create', name: NAME, file: 2, begin: 13, end: 14, bytes: 0 },
      { kind: 'truncate', file: 2, position: 3, begin: 15, end: 16, bytes: 0 },
    ],
    'a short write did what it did, and an inode that comes again is another file',
  )
  t.throws(() => mergeTrace([], control), { message: /nobody created/ })
})
