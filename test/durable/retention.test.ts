/** Which snapshots are kept, and how far the journal may go: a model and the borders. */
import t from 'tap'
import type { SnapshotFile } from '../../lib/durable/map/catalog.js'
import { chainOf } from '../../lib/durable/map/chain.js'
import { journalCut, kept, lowestPosition } from '../../lib/durable/map/retention.js'
import { below, campaign } from '../support/campaign.js'
import { random } from '../support/random.js'

const SECOND_US = 1_000_000

function snapshot(number: number, base = 0, more: Partial<SnapshotFile> = {}): SnapshotFile {
  return {
    ...{ number, base, file: `snapshots/${number}`, basePosition: base * 10 },
    ...{ position: number * 10, createdAt: number * SECOND_US, bytes: 100, records: 1 },
    ...{ isRead: true, damage: undefined },
    ...more,
  }
}

const damage = { file: '', offset: 0, bytes: 0, reason: 'damaged' }
const numbers = (set: ReadonlySet<number>): number[] => [...set].sort((a, b) => a - b)

t.test('retention is a union of the newest and the young', (t) => {
  const files = [1, 2, 3, 4, 5, 6].map((number) => snapshot(number))
  const keep = (keepSnapshots: number, seconds: number, now = 6): number[] =>
    numbers(kept(files, { keepSnapshots, keepSnapshotsMs: seconds * 1000 }, now * SECOND_US))
  t.same(keep(2, 0), [5, 6], 'the newest')
  t.same(keep(1, 3), [4, 5, 6], 'the young')
  t.same(keep(4, 2), [3, 4, 5, 6], 'more newest than young')
  t.same(keep(1, 1000), [1, 2, 3, 4, 5, 6])
  t.same(keep(1, 0, 1000), [6], 'never none, however old')
  t.same(keep(0, 0, 1000), [6], 'nor when nobody wants any')
  t.same(keep(1, 1, 3), [3, 4, 5, 6], 'a clock that was set back makes nobody old')
  t.end()
})

t.test('a base that a kept incremental needs is kept', (t) => {
  const files = [snapshot(1), snapshot(2, 1), snapshot(3, 2), snapshot(4), snapshot(5, 4)]
  const keep = (count: number, list = files): number[] =>
    numbers(kept(list, { keepSnapshots: count, keepSnapshotsMs: 0 }, 100 * SECOND_US))
  t.same(keep(1), [4, 5])
  t.same(keep(3), [1, 2, 3, 4, 5])
  t.same(keep(2, files.slice(0, 4)), [1, 2, 3, 4])
  t.end()
})

t.test('a damaged snapshot counts as absent', (t) => {
  const files = [snapshot(1), snapshot(2), snapshot(3, 0, { damage })]
  t.same(numbers(kept(files, { keepSnapshots: 1, keepSnapshotsMs: 0 }, 100 * SECOND_US)), [2])
  t.equal(journalCut(files.filter((file) => file.damage === undefined)), 10)
  t.end()
})

t.test('the journal goes up to the second newest full snapshot that was read back', (t) => {
  t.equal(journalCut([]), 0)
  t.equal(journalCut([snapshot(1)]), 0, 'nothing while there are fewer than two')
  t.equal(journalCut([snapshot(1), snapshot(2, 1)]), 0, 'an incremental one is none of them')
  t.equal(journalCut([snapshot(1), snapshot(2, 1), snapshot(3)]), 10)
  t.equal(journalCut([snapshot(1), snapshot(2), snapshot(3), snapshot(4, 3)]), 20)
  const unread = snapshot(2, 0, { isRead: false })
  t.equal(journalCut([snapshot(1), unread, snapshot(3)]), 10, 'one that nobody read is none')
  t.equal(journalCut([unread, snapshot(3)]), 0)
  t.end()
})

t.test('the lowest position is that of any snapshot, and infinite without one', (t) => {
  t.equal(lowestPosition([]), Infinity)
  t.equal(lowestPosition([snapshot(4), snapshot(7, 4)]), 40)
  t.end()
})

t.test('a chain with a gap or an overlap is refused', (t) => {
  const full = snapshot(1)
  const fits = snapshot(2, 1)
  const list = [full, fits, snapshot(3, 2)]
  t.same(chainOf(list, list[2]!), { files: list })
  t.same(chainOf(list, full), { files: [full] })
  const late = snapshot(3, 2, { basePosition: 21 })
  t.match(chainOf([full, fits, late], late), {
    broken: late,
    reason: /^a gap: it begins behind 21/,
  })
  const early = snapshot(3, 2, { basePosition: 19 })
  t.match(chainOf([full, fits, early], early), { broken: early, reason: /^an overlap: .* at 20$/ })
  const orphan = snapshot(3, 2)
  t.match(chainOf([full, orphan], orphan), { broken: orphan, reason: /2, .* is missing$/ })
  const bad = snapshot(2, 1, { damage })
  t.match(chainOf([full, bad, orphan], orphan), { broken: orphan, reason: /is damaged$/ })
  const deep = [snapshot(1, 0, { position: 11 }), fits, snapshot(3, 2)]
  t.match(chainOf(deep, deep[2]!), { broken: fits, reason: /^an overlap/ })
  t.end()
})

t.test('whatever there is, what is kept is enough and no more', (t) =>
  campaign(t, 1000, async (seed) => {
    const next = random(seed)
    const files: SnapshotFile[] = []
    for (let number = 1; number <= 1 + below(next, 20); number++) {
      const isBased = number > 1 && below(next, 2) === 0
      const base = isBased ? 1 + below(next, number - 1) : 0
      files.push(snapshot(number, base, below(next, 8) === 0 ? { damage } : {}))
    }
    const keepSnapshots = 1 + below(next, 6)
    const seconds = below(next, 25)
    const now = files.length + below(next, 10)
    const keep = kept(files, { keepSnapshots, keepSnapshotsMs: seconds * 1000 }, now * SECOND_US)
    const whole = files.filter((file) => file.damage === undefined)
    const wanted = whole.filter(
      ({ number }, i) => i >= whole.length - keepSnapshots || number > now - seconds,
    )
    if (whole.length > 0 && keep.size === 0) t.fail('none is kept')
    for (const { number } of wanted) if (!keep.has(number)) t.fail(`${number} is not kept`)
    for (const number of keep) {
      const isBase = files.some(({ base, number: on }) => base === number && keep.has(on))
      if (!isBase && !wanted.some((file) => file.number === number)) t.fail(`${number} is kept`)
      const { base } = files.find((file) => file.number === number)!
      if (base !== 0 && !keep.has(base)) t.fail(`${number} is kept without its base`)
    }
  }),
)
