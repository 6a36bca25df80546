/**
 * Appends to a journal by a seed, with what must be found of them.
 */
import assert from 'node:assert/strict'
import type { Storage } from '../../lib/io/files.js'
import type { Journal, JournalOptions } from '../../lib/stores/journal/index.js'
import { below, pick } from '../support/campaign.js'
import { openStore } from '../support/journal.js'
import { filesWith } from '../support/files.js'
import { Calls, type Call } from './calls.js'
import { CANARY, KEY, MODES } from './secrets.js'
import type { Promised, Subject } from './subject.js'

interface Append extends Call {
  readonly payloads: readonly string[]
}

export interface JournalPromised extends Promised {
  /** The first record that is there has at least, and at most, this sequence. */
  readonly firstLeast: number
  readonly firstMost: number
}

interface Expected {
  readonly sequence: number | undefined
  readonly payload: string
}

/** Lengths of payloads; the largest is beyond a segment. */
const LENGTHS = [0, 6, 6, 40, 40, 40, 40, 200, 200, 200, 1500, 6000]

export class JournalWorkload implements Subject<Journal, JournalPromised> {
  readonly calls = new Calls<Append>()
  options: JournalOptions
  #firstLeast = 1
  #firstMost = 1
  /** No session so far left numbers out. */
  #isDense = true

  constructor(
    readonly random: () => number,
    readonly encrypted: boolean,
    options?: JournalOptions,
  ) {
    this.options = options ?? this.#chosen()
    this.#begin()
  }

  async open(storage: Storage): Promise<Journal> {
    return openStore(storage, this.options)
  }

  /** Another session works with other options. */
  change(): void {
    this.options = this.#chosen()
    this.#begin()
  }

  promised(): JournalPromised {
    return { ...this.calls.promised, ...this.#bounds }
  }

  survivors(): JournalPromised {
    return { ...this.calls.survivors, ...this.#bounds }
  }

  async judgeReads(journal: Journal): Promise<void> {
    const { acknowledged } = this.calls
    this.#prefixOf(await readAll(journal), { durable: acknowledged, submitted: acknowledged })
  }

  writeLate(journal: Journal): Promise<unknown> {
    return journal.append('late')
  }

  async step(journal: Journal): Promise<void> {
    const { calls, random } = this
    if (calls.next === undefined) {
      await this.append(journal)
      return
    }
    const dice = random()
    if (dice < 0.07) return calls.covered(() => journal.sync())
    if (dice < 0.14) return calls.covered(() => journal.rotate())
    if (dice < 0.2) return this.#trim(journal)
    const together = pick(random, [1, 1, 2, 6, 20])
    const appends = Array.from({ length: together }, () => this.append(journal))
    for (const append of appends) append.catch(() => {})
    if (random() < 0.3) await appends[0]
    else if (random() < 0.8) await this.settle()
  }

  append(journal: Journal): Promise<number> {
    const { calls, random } = this
    const count = pick(random, [1, 1, 1, 2, 5])
    const payloads = Array.from({ length: count }, (_, i) => {
      const text = `${calls.list.length}.${i}.${this.encrypted ? CANARY : ''}`
      const length = pick(random, LENGTHS)
      return length === 0 ? '' : text.padEnd(length, String(below(random, 1e6)))
    })
    const done = count === 1 ? journal.append(payloads[0]!) : journal.appendAll(payloads)
    return calls.add({ payloads, records: count, first: undefined }, done, (first) => first)
  }

  settle(): Promise<void> {
    return this.calls.settle()
  }

  async close(journal: Journal): Promise<void> {
    await this.calls.covered(() => journal.close())
  }

  async judge(journal: Journal, promised: JournalPromised): Promise<string> {
    assert.equal(journal.recovered.damage, undefined, 'a crash is no damage')
    const found = await readAll(journal)
    this.#prefixOf(found, promised)
    const [first] = found
    if (first !== undefined) this.#judgeFirst(first.sequence, promised)
    const report = await journal.verify()
    assert.ok(report.ok, `verify: ${JSON.stringify(report.damage)}`)
    assert.equal(report.records, found.length, 'verify counts what reading gives')
    return JSON.stringify(found)
  }

  async goOn(
    journal: Journal,
    { handedOut }: JournalPromised,
  ): Promise<(again: Journal) => Promise<void>> {
    const before = await readAll(journal)
    const sequence = await journal.append('more')
    const last = before.at(-1)?.sequence ?? 0
    assert.ok(sequence > handedOut, `sequence ${sequence} was handed out before`)
    if (this.#isDense && last > 0) assert.equal(sequence, last + 1, 'no number is left out')
    return async (again) => {
      assert.equal(again.recovered.torn, undefined, 'a clean close leaves nothing torn')
      const after = await readAll(again)
      assert.deepEqual(after.slice(0, -1), before, 'a second open gives the same')
      assert.equal(after.at(-1)?.sequence, sequence)
      assert.equal(after.at(-1)?.payload, 'more')
    }
  }

  async resume(journal: Journal, promised: JournalPromised): Promise<void> {
    const found = await readAll(journal)
    this.calls.resume(this.#prefixOf(found, promised), promised)
    this.#firstLeast = found[0]?.sequence ?? 1
  }

  /** No plaintext in any file of an encrypted store. */
  async judgeFiles(storage: Storage): Promise<void> {
    if (this.encrypted) assert.deepEqual(await filesWith(storage, CANARY), [], 'plaintext')
  }

  /** Only what a trim asked for may be gone, and what is gone stays so. */
  #judgeFirst(sequence: number, { firstLeast, firstMost }: JournalPromised): void {
    assert.ok(sequence >= firstLeast, `${sequence} is first: trimmed records came back`)
    const all = this.calls.list.flatMap(expectedOf)
    const kept = all.find((each) => (each.sequence ?? Infinity) >= firstMost)?.sequence
    assert.ok(kept === undefined || sequence <= kept, `${sequence} is first: others are missing`)
  }

  /** How many calls the records come from: all of those, and nothing else. */
  #prefixOf(
    found: readonly { sequence: number; payload: string }[],
    { durable, submitted }: Pick<Promised, 'durable' | 'submitted'>,
  ): number {
    const { list } = this.calls
    let n = submitted
    for (; n > durable; n--) if (isEndOf(list[n - 1]!, found)) break
    const expected = list.slice(0, n).flatMap(expectedOf)
    assert.ok(
      expected.length >= found.length,
      `${found.length} records of ${expected.length} of ${n} calls, ${durable} to ${submitted}`,
    )
    // The oldest may have been trimmed.
    const rest = expected.slice(expected.length - found.length)
    for (const [i, { sequence, payload }] of found.entries()) {
      const should = rest[i]!
      const told = `record ${i} of ${found.length}, ${n} calls of ${durable} to ${submitted}`
      assert.equal(payload.slice(0, 40), should.payload.slice(0, 40), told)
      assert.equal(payload, should.payload, told)
      if (should.sequence !== undefined) assert.equal(sequence, should.sequence, told)
    }
    if (found.length === 0) assert.ok(durable === 0 || this.#firstMost > 1, 'everything is gone')
    return n
  }

  get #bounds(): Pick<JournalPromised, 'firstLeast' | 'firstMost'> {
    return { firstLeast: this.#firstLeast, firstMost: this.#firstMost }
  }

  async #trim(journal: Journal): Promise<void> {
    const { firstSequence: first, lastSequence: last } = journal
    const before = first + below(this.random, Math.max(last - first, 0) + 1)
    this.#firstMost = Math.max(this.#firstMost, before)
    const removed = await journal.trim(before)
    if (removed > 0) this.#firstLeast = Math.max(this.#firstLeast, journal.firstSequence)
  }

  #begin(): void {
    const { sync } = this.options
    this.calls.begin(sync === 'always')
    this.#isDense &&= sync === 'always'
  }

  #chosen(): JournalOptions {
    const { random } = this
    return {
      sync: pick(random, MODES),
      syncIntervalMs: 1,
      segmentBytes: pick(random, [4096, 4096, 1 << 20]),
      segmentRecords: pick(random, [4, 30, 100_000]),
      batchRecords: pick(random, [2, 100]),
      ...(this.encrypted && { key: KEY, cipher: pick(random, CIPHERS) }),
    }
  }
}

const CIPHERS = ['auto', 'aes-256-gcm', 'chacha20-poly1305'] as const

interface Record {
  readonly sequence: number
  readonly time: number
  readonly payload: string
}

async function readAll(journal: Journal): Promise<Record[]> {
  const found: Record[] = []
  for await (const { sequence, time, payload } of journal.read())
    found.push({ sequence, time, payload: Buffer.from(payload).toString() })
  return found
}

function expectedOf({ payloads, first }: Append): Expected[] {
  return payloads.map((payload, i) => ({
    payload,
    sequence: first === undefined ? undefined : first + i,
  }))
}

/** Whether the last record is the last one of a call. */
function isEndOf(
  { payloads, first }: Append,
  found: readonly { sequence: number; payload: string }[],
): boolean {
  const last = found.at(-1)
  if (last === undefined) return false
  const isSame = last.payload === payloads.at(-1)
  return isSame && (first === undefined || last.sequence === first + payloads.length - 1)
}
