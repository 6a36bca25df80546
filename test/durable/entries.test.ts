/**
 * Entries against plain maps: what every position reads, while versions come, settle, are pinned
 * and cleared; that nothing is kept which nobody can read; and scans beside writers.
 */
import t from 'tap'
import { Entries, SCAN_START } from '../../lib/durable/entries/entries.js'
import { LIMIT_MS, below, campaign, pick } from '../support/campaign.js'
import { random } from '../support/random.js'

t.setTimeout(LIMIT_MS)

type State = Map<string, string>

interface Change {
  readonly version: number
  readonly key: string
  /** Undefined: deleted; the key '*' clears. */
  readonly value: string | undefined
}

function newEntries(shards = 16, seed = 1): Entries {
  return new Entries({ shards, seed: new Uint8Array(8).fill(seed) })
}

/** Of the key that was sought. */
function keyBytes({ sought }: Entries): number {
  return sought.end - sought.start
}

function put(entries: Entries, key: string | Uint8Array, value: string, version: number): void {
  const bytes = Buffer.from(`-${value}-`)
  entries.seek(key)
  const entry = entries.allocate(keyBytes(entries), bytes.length - 2)
  entries.put(entry, bytes, 1, bytes.length - 1, version, version * 10)
}

function remove(entries: Entries, key: string, version: number): void {
  entries.seek(key)
  entries.delete(entries.allocate(keyBytes(entries), 0), version, version * 10)
}

function valueOf(entries: Entries, key: string, at: number): string | undefined {
  if (!entries.find(key, at)) return undefined
  const { keyStart, keyEnd, valueStart, valueEnd, memory } = entries.hit
  if (memory.bytes.toString('utf8', keyStart, keyEnd) !== key) return 'another key'
  return memory.bytes.toString('utf8', valueStart, valueEnd)
}

function scanAll(entries: Entries, at: number, most = 7): State {
  const found: State = new Map()
  let next: number | undefined = SCAN_START
  while (next !== undefined)
    next = entries.scan(next, at, most, () => {
      const { keyStart, keyEnd, valueStart, valueEnd, memory } = entries.hit
      const key = memory.bytes.toString('utf8', keyStart, keyEnd)
      if (found.has(key)) throw new Error(`${key} is shown twice`)
      found.set(key, memory.bytes.toString('utf8', valueStart, valueEnd))
    })
  return found
}

function digest(state: State): string {
  return JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Entries and what they should hold. */
class Pair {
  readonly entries: Entries
  readonly pending: State = new Map()
  readonly settled: State = new Map()
  readonly pins: { position: number; state: State }[] = []
  version = 0
  /** Changes that are not settled. */
  readonly #changes: Change[] = []

  constructor(
    private readonly next: () => number,
    private readonly keys: readonly string[],
  ) {
    this.entries = newEntries(1 << below(next, 5), below(next, 256))
  }

  step(): void {
    const { next, pins } = this
    const dice = next()
    if (dice < 0.5) this.put(pick(next, this.keys))
    else if (dice < 0.7) this.remove(pick(next, this.keys))
    else if (dice < 0.7005) this.clear()
    else if (dice < 0.8) this.settle(this.entries.settled + 1 + below(next, 30))
    else if (dice < 0.84 && pins.length < 6) this.pin()
    else if (dice < 0.88 && pins.length > 0) this.unpin(below(next, pins.length))
    else if (dice < 0.94) this.entries.reclaim(below(next, 40))
    else this.#look(pick(next, this.keys))
  }

  put(key: string): void {
    const version = (this.version += 1 + below(this.next, 2))
    const value = `${version}`.repeat(below(this.next, 30))
    put(this.entries, key, value, version)
    this.pending.set(key, value)
    this.#changes.push({ version, key, value })
  }

  remove(key: string): void {
    if (!this.pending.has(key)) return
    remove(this.entries, key, ++this.version)
    this.pending.delete(key)
    this.#changes.push({ version: this.version, key, value: undefined })
  }

  clear(): void {
    this.entries.clear(++this.version, 0)
    this.pending.clear()
    this.#changes.push({ version: this.version, key: '*', value: undefined })
  }

  settle(wanted: number): void {
    const position = Math.max(this.entries.settled, Math.min(wanted, this.version))
    this.entries.settle(position)
    apply(this.settled, this.#changes, position)
    while (this.#changes.length > 0 && this.#changes[0]!.version <= position) this.#changes.shift()
  }

  pin(): void {
    const { settled } = this.entries
    const position = settled + below(this.next, this.version - settled + 1)
    const state = new Map(this.settled)
    apply(state, this.#changes, position)
    this.entries.pin(position)
    this.pins.push({ position, state })
  }

  unpin(index: number): void {
    const [pin] = this.pins.splice(index, 1)
    this.entries.unpin(pin!.position)
  }

  /** Every position, whole. */
  check(): void {
    const { entries, settled, pending } = this
    if (entries.size !== settled.size) throw new Error(`size ${entries.size}, not ${settled.size}`)
    if (entries.pendingSize !== pending.size) throw new Error('the pending size')
    const counts = entries.shardStats().reduce((sum, { count }) => sum + count, 0)
    if (counts !== pending.size) throw new Error(`shards have ${counts}, not ${pending.size}`)
    const positions = [...this.pins, { position: entries.settled, state: settled }]
    for (const { position, state } of [...positions, { position: Infinity, state: pending }]) {
      const most = 1 + below(this.next, 20)
      if (digest(scanAll(entries, position, most)) !== digest(state))
        throw new Error(`a scan at ${position}`)
    }
  }

  #look(key: string): void {
    const { entries, pins, settled, pending } = this
    for (const { position, state } of pins)
      if (valueOf(entries, key, position) !== state.get(key))
        throw new Error(`${key} at the pin ${position}`)
    if (valueOf(entries, key, entries.settled) !== settled.get(key))
      throw new Error(`${key} settled`)
    if (valueOf(entries, key, Infinity) !== pending.get(key)) throw new Error(`${key} pending`)
  }
}

function apply(state: State, changes: readonly Change[], position: number): void {
  for (const { version, key, value } of changes) {
    if (version > position) return
    if (key === '*') state.clear()
    else if (value === undefined) state.delete(key)
    else state.set(key, value)
  }
}

t.test('every position reads what it should', async (t) => {
  await campaign(t, 200, async (seed) => {
    const next = random(seed)
    // Few keys have long histories; many make a clear begin a generation.
    const count = pick(next, [1, 3, 50, 3000])
    const keys = Array.from({ length: count }, (_, i) => `key${i}`.repeat(1 + (i % 3)))
    const pair = new Pair(next, keys)
    if (count === 3000) for (const key of keys) pair.put(key)
    for (let step = 0; step < 3000; step++) {
      pair.step()
      if (step % 500 === 499) pair.check()
    }
    while (pair.pins.length > 0) pair.unpin(0)
    pair.settle(Infinity)
    while (pair.entries.reclaim(100));
    pair.check()
    for (const key of [...pair.pending.keys()]) pair.remove(key)
    pair.settle(Infinity)
    while (pair.entries.reclaim(100));
    t.equal(scanAll(pair.entries, Infinity).size, 0)
    t.ok(pair.entries.memoryBytes < 4_000_000, `${pair.entries.memoryBytes} bytes are left`)
  })
})

t.test('version and time are those of the record', (t) => {
  const entries = newEntries()
  put(entries, 'a', 'one', 5)
  put(entries, 'a', 'two', 9)
  t.ok(entries.find('a', 8))
  t.match(entries.hit, { version: 5, time: 50 })
  t.ok(entries.find('a', Infinity))
  t.match(entries.hit, { version: 9, time: 90 })
  t.notOk(entries.find('a', 4))
  entries.seek('b')
  entries.free(entries.allocate(1, 1000))
  t.notOk(entries.find('b', Infinity), 'memory that is given back is no entry')
  t.end()
})

t.test('keys are bytes: text and its UTF-8 are one key, whatever they look like', (t) => {
  const entries = newEntries()
  const keys = ['', '\0', '\0\0', '__proto__', 'constructor', 'ü', '日本', '😀', 'a'.repeat(65_536)]
  keys.forEach((key, i) => put(entries, i % 2 === 0 ? key : Buffer.from(key), `v${i}`, i + 1))
  keys.forEach((key, i) => {
    t.equal(valueOf(entries, key, Infinity), `v${i}`)
    t.ok(entries.find(new Uint8Array(Buffer.from(key)), Infinity))
  })
  t.notOk(entries.find('a'.repeat(65_535), Infinity))
  t.notOk(entries.find('toString', Infinity))
  t.end()
})

t.test('a scan shows each entry of its position once, while writers change and split', (t) => {
  const entries = newEntries(2)
  const kept = 90_000
  for (let i = 0; i < kept; i++) put(entries, `kept${i}`, `${i}`, i + 1)
  let version = kept
  entries.settle(version)
  entries.pin(version)
  const before = entries.shardCount
  const next = random(3)
  const shown = new Uint8Array(kept)
  let from: number | undefined = SCAN_START
  while (from !== undefined) {
    from = entries.scan(from, kept, 100, () => {
      const { keyStart, keyEnd, valueStart, valueEnd, memory } = entries.hit
      const key = memory.bytes.toString('utf8', keyStart, keyEnd)
      const value = memory.bytes.toString('utf8', valueStart, valueEnd)
      if (key !== `kept${value}`) t.fail(`${key} has ${value}`)
      shown[Number(value)]!++
    })
    for (let i = 0; i < 300; i++) {
      const dice = next()
      const key = `kept${below(next, kept)}`
      if (dice < 0.6) put(entries, `new${version}`, 'new', ++version)
      else if (dice < 0.8) put(entries, key, 'changed', ++version)
      else if (entries.find(key, Infinity)) remove(entries, key, ++version)
      if (dice < 0.01) entries.settle(version)
    }
  }
  t.ok(
    shown.every((times) => times === 1),
    'each once',
  )
  t.ok(entries.shardCount > before, `${before} shards, then ${entries.shardCount}`)
  t.ok(entries.shardStats().every(({ count }) => count <= 65_536))
  t.end()
})

t.test('what a pin held is freed in slices when it goes', (t) => {
  const entries = newEntries()
  for (let i = 0; i < 50_000; i++) put(entries, `key${i}`, 'a'.repeat(500), i + 1)
  entries.settle(50_000)
  while (entries.reclaim(1000));
  const once = entries.memoryBytes
  entries.pin(50_000)
  for (let i = 0; i < 50_000; i++) put(entries, `key${i}`, 'b'.repeat(500), 50_001 + i)
  entries.settle(100_000)
  while (entries.reclaim(1000));
  t.ok(entries.memoryBytes > once * 1.8, 'both are kept')
  entries.unpin(50_000)
  t.ok(entries.memoryBytes > once * 1.8, 'nothing is freed by the call itself')
  let slices = 1
  while (entries.reclaim(1000)) slices++
  t.equal(slices, 50)
  t.ok(entries.memoryBytes < once * 1.2, `${entries.memoryBytes}, once ${once}`)
  t.throws(() => entries.unpin(50_000), RangeError)
  t.end()
})

t.test('clearing a large map costs nothing, and its memory goes when nobody can read it', (t) => {
  const entries = newEntries()
  for (let i = 0; i < 200_000; i++) put(entries, `key${i}`, 'a'.repeat(100), i + 1)
  entries.settle(200_000)
  entries.pin(200_000)
  entries.clear(200_001, 0)
  t.equal(entries.pendingSize, 0)
  t.equal(entries.size, 200_000, 'not settled yet')
  t.equal(valueOf(entries, 'key7', entries.settled), 'a'.repeat(100))
  t.notOk(entries.find('key7', Infinity))
  put(entries, 'key7', 'again', 200_002)
  entries.settle(200_002)
  t.equal(entries.size, 1)
  t.equal(valueOf(entries, 'key7', entries.settled), 'again')
  t.equal(scanAll(entries, 200_000, 5000).size, 200_000, 'the pin still reads all')
  t.ok(entries.memoryBytes > 20_000_000)
  entries.unpin(200_000)
  t.ok(entries.memoryBytes < 1_000_000, `${entries.memoryBytes} bytes`)
  t.end()
})

t.test('thousands of clears that are not settled take little', (t) => {
  const entries = newEntries()
  for (let version = 1; version < 40_000; version += 2) {
    put(entries, 'a', 'b', version)
    entries.clear(version + 1, 0)
  }
  t.ok(entries.memoryBytes < 8_000_000, `${entries.memoryBytes} bytes`)
  entries.settle(40_000)
  while (entries.reclaim(1000));
  t.equal(entries.size, 0)
  t.end()
})
