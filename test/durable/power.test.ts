/**
 * Power losses of journals: cut at any operation, with any subset of what was not synced kept.
 *
 * What was acknowledged is there as far as the mode promises, what is there is a prefix of what was
 * appended, batches are whole or absent, the store opens every time, and what opening does can be
 * cut off as well.
 */
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import type { JournalOptions } from '../../lib/stores/journal/index.js'
import { below, campaign, pick } from '../support/campaign.js'
import { openStore, recordsOf, type Found } from '../support/journal.js'
import { random } from '../support/random.js'

/** What a run told its caller. */
interface Told {
  /** Texts in the order of their calls, with the batch that they belong to. */
  readonly appended: { text: string; batch: number }[]
  /** How many of them, from the first, were acknowledged; and how many survive power. */
  acknowledged: number
  durable: number
  sequences: Map<string, number>
}

async function run(storage: MemoryStorage, seed: number, options: JournalOptions, told: Told) {
  const next = random(seed)
  const journal = await openStore(storage, options)
  const pending: Promise<unknown>[] = []
  for (let step = 0; step < 25; step++) {
    const choice = below(next, 12)
    const count = choice < 8 ? 1 : choice === 8 ? 1 + below(next, 20) : 0
    if (count > 0) {
      const texts = Array.from({ length: count }, (_, i) => {
        const size = below(next, 40) === 0 ? below(next, 40_000) : below(next, 200)
        return `${seed}/${told.appended.length + i} ${'x'.repeat(size)}`
      })
      const batch = told.appended.length
      for (const text of texts) told.appended.push({ text, batch })
      const upTo = told.appended.length
      const appended = count === 1 ? journal.append(texts[0]!) : journal.appendAll(texts)
      const settled = appended.then((first) => {
        told.acknowledged = Math.max(told.acknowledged, upTo)
        if (options.sync === 'always') told.durable = Math.max(told.durable, upTo)
        for (const [i, text] of texts.entries()) told.sequences.set(text, first + i)
      })
      // The power may go before anybody waits for it.
      settled.catch(() => {})
      pending.push(settled)
      if (below(next, 3) === 0) await settled
    } else if (choice === 9) {
      const upTo = told.acknowledged
      await journal.sync()
      told.durable = Math.max(told.durable, upTo)
    } else if (choice === 10) await journal.rotate()
    else await Promise.all(pending)
  }
  await Promise.all(pending)
  if (below(next, 2) === 0) {
    await journal.close()
    told.durable = told.appended.length
  }
  return journal
}

function check(found: readonly Found[], told: Told, durable: number): string | undefined {
  const { appended, sequences } = told
  if (found.length < durable) return `${found.length} records, but ${durable} were to survive`
  for (const [i, [sequence, text]] of found.entries()) {
    if (appended[i]?.text !== text) return `record ${i} is ${text.slice(0, 20)}`
    const given = sequences.get(text)
    if (given !== undefined && given !== sequence) return `${given} is now ${sequence}`
  }
  const [last, after] = [appended[found.length - 1], appended[found.length]]
  if (last && after && last.batch === after.batch) return 'half a batch'
  return undefined
}

class PowerCut extends Error {}

/** Runs `work` until the n-th operation, where the power goes; gives what it leaves. */
async function cutAt(
  storage: MemoryStorage,
  n: number,
  seed: number,
  work: () => Promise<unknown>,
  onCut: () => void = () => {},
): Promise<MemoryStorage | undefined> {
  let left: MemoryStorage | undefined
  const first = storage.operations
  storage.onOperation = (operation) => {
    if (operation - first < n) return
    if (left === undefined) onCut()
    left ??= storage.crashClone(seed)
    throw new PowerCut()
  }
  await work().catch(() => undefined)
  storage.onOperation = undefined
  return left
}

t.test('power goes at any operation', async (t) => {
  await campaign(t, 5000, async (seed) => {
    const next = random(seed)
    const options: JournalOptions = {
      sync: pick(next, ['always', 'always', 'interval', 'never'] as const),
      syncIntervalMs: 2 ** 30,
      segmentBytes: pick(next, [4096, 16_384, 1 << 20]),
      batchRecords: pick(next, [1, 5, 100]),
      ...(below(next, 4) === 0 && { key: Buffer.alloc(32, 'key') }),
    }
    const told: Told = { appended: [], acknowledged: 0, durable: 0, sequences: new Map() }
    const storage = memoryStorage()
    const n = 1 + below(next, 150)
    let durable: number | undefined
    const use = async (): Promise<void> => (await run(storage, seed, options, told)).close()
    // Closing does not tell whether it could: only what was promised before the cut counts.
    let image = await cutAt(storage, n, 2 + below(next, 2 ** 30), use, () => {
      ;({ durable } = told)
    })
    durable ??= told.durable
    // Without a cut the run was closed, and only the process ends.
    image ??= storage.crashClone(1)
    // The opening that recovers is cut off as well, now and then more than once.
    for (let depth = 0; depth < 3 && below(next, 2) === 0; depth++) {
      const place = image
      const again = await cutAt(place, 1 + below(next, 12), 2 + below(next, 2 ** 30), async () => {
        await openStore(place, options)
      })
      if (again === undefined) {
        image = place.crashClone(1)
        break
      }
      image = again
    }
    const journal = await openStore(image, options)
    const found = await recordsOf(journal)
    const wrong = check(found, told, durable)
    if (wrong !== undefined) throw new Error(`${wrong} (${JSON.stringify(options)}, cut at ${n})`)
    const given = Math.max(0, ...told.sequences.values())
    const sequence = await journal.append('after the cut')
    if (sequence <= given) throw new Error(`sequence ${sequence} again, after ${given}`)
    await journal.close()
    const last = await openStore(image, options)
    const kept = await recordsOf(last)
    t.same(kept.slice(0, -1), found)
    t.match(await last.verify(), { ok: true })
    await last.close()
    return `${found.length} of ${told.appended.length}, ${durable} durable`
  })
})
