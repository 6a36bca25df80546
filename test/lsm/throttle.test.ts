/** The throttle: what slows a write, what makes it wait, what refuses it. */
import t from 'tap'
import type { Compactor } from '../../lib/lsm/compactor.js'
import { LEVEL0_PAUSE_TABLES, LEVEL0_SLOW_TABLES } from '../../lib/lsm/options.js'
import { Counters, type TreeState } from '../../lib/lsm/state.js'
import { bytesPerDelay, Throttle } from '../../lib/lsm/throttle.js'

const BUFFER_BYTES = 4 * 1024 * 1024

interface Parts {
  tables?: number
  bytes?: number
  frozen?: boolean
  serial?: boolean
  flushFailure?: Error
  compactionFailure?: Error
}

/** A throttle over a tree of which only what it looks at is there. */
function throttled({ tables = 0, bytes = 0, frozen = false, ...more }: Parts) {
  const level0 = new Array<unknown>(tables).fill({})
  const state = {
    levels: [level0],
    options: { writeBufferBytes: BUFFER_BYTES, serial: more.serial ?? false },
    active: { bytes },
    frozen: frozen ? {} : undefined,
    poison: undefined as Error | undefined,
    paused: false,
    counters: new Counters(),
  }
  const done = { rotations: 0, waits: 0 }
  /** What a job that ends changes. */
  let onChange = (): void => {}
  const compactor = {
    flushes: { failure: more.flushFailure },
    compactions: { failure: more.compactionFailure },
    rotate: async () => {
      done.rotations++
      state.active = { bytes: 0 }
    },
    change: async () => {
      done.waits++
      onChange()
    },
  }
  const throttle = new Throttle(state as unknown as TreeState, compactor as unknown as Compactor)
  const whenChanged = (work: () => void): void => void (onChange = work)
  return { throttle, state, level0, done, whenChanged }
}

t.test('the more tables level 0 holds, the less goes through undelayed', async (t) => {
  t.equal(bytesPerDelay(LEVEL0_SLOW_TABLES - 1), Infinity, 'below, nothing is slowed')
  let before = Infinity
  for (let tables = LEVEL0_SLOW_TABLES; tables < LEVEL0_PAUSE_TABLES; tables++) {
    t.ok(bytesPerDelay(tables) < before, `${tables} tables`)
    before = bytesPerDelay(tables)
  }
  t.equal(bytesPerDelay(LEVEL0_PAUSE_TABLES + 5), before, 'and never nothing at all')
})

t.test('a write is slowed by its bytes, small ones together', async (t) => {
  const { throttle, state } = throttled({ tables: LEVEL0_SLOW_TABLES })
  const most = bytesPerDelay(LEVEL0_SLOW_TABLES)
  t.ok(throttle.mustWait)
  for (let i = 0; i < 3; i++) await throttle.room(most / 4)
  t.equal(state.counters.writeDelayCount, 0)
  await throttle.room(most / 4)
  t.equal(state.counters.writeDelayCount, 1)
  await throttle.room(most / 4)
  t.equal(state.counters.writeDelayCount, 1, 'what was delayed is not delayed again')
  t.ok(state.counters.writeDelayMs > 0)
})

t.test('a few tables, or the serial schedule: no delay', async (t) => {
  const few = throttled({ tables: LEVEL0_SLOW_TABLES - 1 })
  t.notOk(few.throttle.mustWait)
  await few.throttle.room(BUFFER_BYTES)
  t.equal(few.state.counters.writeDelayCount, 0)
  const serial = throttled({ tables: LEVEL0_SLOW_TABLES, serial: true })
  await serial.throttle.room(BUFFER_BYTES)
  t.equal(serial.state.counters.writeDelayCount, 0)
})

t.test('a full memtable is rotated out', async (t) => {
  const { throttle, done } = throttled({ bytes: BUFFER_BYTES })
  t.ok(throttle.mustWait)
  await throttle.room(1)
  t.same(done, { rotations: 1, waits: 0 })
})

t.test('a full memtable waits for the flush of the one before', async (t) => {
  const { throttle, state, done, whenChanged } = throttled({ bytes: BUFFER_BYTES, frozen: true })
  whenChanged(() => {
    t.ok(state.paused)
    state.frozen = undefined
  })
  await throttle.room(1)
  t.same(done, { rotations: 1, waits: 1 })
  t.notOk(state.paused)
})

t.test('a full memtable waits while level 0 is crowded', async (t) => {
  const parts = { bytes: BUFFER_BYTES, tables: LEVEL0_PAUSE_TABLES }
  const { throttle, level0, done, whenChanged } = throttled(parts)
  whenChanged(() => void level0.pop())
  await throttle.room(1)
  t.same(done, { rotations: 1, waits: 1 })
})

t.test('what would wait for failing work is refused', async (t) => {
  const failure = new Error('no space')
  const bytes = BUFFER_BYTES
  const unflushed = throttled({ bytes, frozen: true, flushFailure: failure })
  await t.rejects(unflushed.throttle.room(1), failure)
  const crowded = throttled({ bytes, tables: LEVEL0_PAUSE_TABLES, compactionFailure: failure })
  await t.rejects(crowded.throttle.room(1), failure)
  const poisoned = throttled({ bytes, frozen: true })
  poisoned.state.poison = failure
  await t.rejects(poisoned.throttle.room(1), failure)
  t.equal(unflushed.done.rotations + crowded.done.rotations + poisoned.done.rotations, 0)
})
