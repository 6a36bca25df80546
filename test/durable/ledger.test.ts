/** The ledger: counts of live, dead and held records, against a model that knows every record. */
import t from 'tap'
import { Ledger } from '../../lib/durable/map/ledger.js'
import type { SegmentInfo } from '../../lib/durable/options.js'
import { below, campaign } from '../support/campaign.js'
import { random } from '../support/random.js'

function segment(number: number, first: number, last: number, records: number): SegmentInfo {
  return {
    number,
    file: `wal/${number}`,
    firstSequence: first,
    lastSequence: last,
    records,
    ...{ bytes: 0, createdAt: 0, sealed: true, encrypted: false, rewritten: false },
  }
}

/** Every record by its sequence, and what it did to which key. */
class Model {
  readonly records = new Map<number, string | undefined>()
  readonly versions = new Map<string, number>()
  reach = 0

  get live(): number {
    return this.liveWithin(0, Infinity)
  }

  liveWithin(first: number, last: number): number {
    return [...this.versions.values()].filter(
      (version) => version > this.reach && version >= first && version <= last,
    ).length
  }
}

t.test('counts are exact, whatever is written, cleared, trimmed and asked', (t) =>
  campaign(t, 200, async (seed) => {
    const next = random(seed)
    const model = new Model()
    model.reach = below(next, 3) * 50_000
    const ledger = new Ledger(model.reach)
    let sequence = 0
    let trimmed = 0
    for (let i = 0; i < 2000; i++) {
      // Now and then sequences jump, as behind an unclean end.
      sequence += below(next, 50) === 0 ? below(next, 200_000) : 1
      const key = `k${below(next, 300)}`
      const replaced = model.versions.get(key) ?? 0
      const what = below(next, 1000)
      if (what === 0) {
        ledger.clear(sequence, 1, i)
        model.versions.clear()
      } else if (what < 300) {
        ledger.delete(5, replaced)
        model.versions.delete(key)
      } else {
        ledger.put(sequence, 9, replaced)
        model.versions.set(key, sequence)
      }
      model.records.set(sequence, key)
      if (what > 995 && sequence > model.reach) {
        const reach = model.reach + below(next, sequence - model.reach)
        const gone = [...model.records.keys()].filter((s) => s > model.reach && s <= reach).length
        ledger.trimmed([segment(1, model.reach + 1, reach, gone)], reach)
        model.reach = reach
        trimmed += gone
      }
      if (ledger.live !== model.live) t.fail(`${ledger.live} live, not ${model.live}`)
      const [from, to] = [below(next, sequence), below(next, sequence)]
      const found = ledger.liveWithin(from, to)
      if (found !== model.liveWithin(from, to)) t.fail(`${found} live in ${from}..${to}`)
    }
    t.equal(ledger.records, model.records.size - trimmed, 'records')
    t.equal(ledger.dead, ledger.records - ledger.live, 'dead records')
    return `${trimmed} trimmed, ${ledger.live} live`
  }),
)

t.test('what had to stay is not dead, until it may go', (t) => {
  const ledger = new Ledger(0)
  for (let sequence = 1; sequence <= 10; sequence++) ledger.put(sequence, 9, 0)
  for (let sequence = 1; sequence <= 6; sequence++) ledger.delete(5, sequence)
  const both = [segment(1, 1, 10, 10), segment(2, 11, 16, 6)]
  t.same([ledger.records, ledger.live, ledger.dead], [16, 4, 12])
  t.equal(ledger.deadIn(both[0]!), 6)
  t.equal(ledger.deadIn(both[1]!), 6)
  ledger.rewritten(both, 7, 3)
  const one = segment(2, 1, 16, 7)
  t.same([ledger.records, ledger.held, ledger.dead, ledger.deadIn(one)], [7, 3, 0, 0])
  ledger.put(17, 9, 7)
  t.same([ledger.records, ledger.live, ledger.dead, ledger.deadIn(one)], [8, 4, 1, 1])
  ledger.hold([one])
  t.same([ledger.held, ledger.dead, ledger.deadIn(one)], [4, 0, 0])
  ledger.release()
  t.same([ledger.held, ledger.dead, ledger.deadIn(one)], [0, 4, 4])
  t.end()
})

t.test('the last clear is the newest one up to a position', (t) => {
  const ledger = new Ledger(0)
  t.equal(ledger.lastClear(100), undefined)
  for (const sequence of [5, 9, 20]) ledger.clear(sequence, 1, sequence * 10)
  t.equal(ledger.lastClear(4), undefined)
  t.same(ledger.lastClear(19), { sequence: 9, time: 90 })
  t.same(ledger.lastClear(19), { sequence: 9, time: 90 })
  t.same(ledger.lastClear(20), { sequence: 20, time: 200 })
  t.end()
})
