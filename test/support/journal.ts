/**
 * Journals in tests: opened on a given storage, filled, read, killed and damaged.
 */
import type { Test } from 'tap'
import type { DurableJournal } from '../../lib/durable/journal.js'
import type { StoreHome } from '../../lib/durable/home.js'
import type { Storage } from '../../lib/io/files.js'
import { Journal } from '../../lib/stores/journal/index.js'
import type { JournalOptions } from '../../lib/stores/journal/index.js'
import { openJournal, type Determinism } from '../../lib/stores/journal/open.js'
import { readJournalSettings } from '../../lib/stores/journal/options.js'
import { overwrite, readAll } from './level.js'
import { freshStorage, imageOf, type PlaneName } from './planes.js'
import { random } from './random.js'

/** Small enough that a few dozen records fill several segments. */
export const SMALL: JournalOptions = { segmentBytes: 4096 }

export function openStore(storage: Storage, options: JournalOptions = {}): Promise<Journal> {
  return Journal.open(storage.location, { infoLog: false, ...options, storage })
}

/** The engine alone, with the clock and the random source of the test. */
export function openEngine(
  storage: Storage,
  options: JournalOptions = {},
  determinism: Determinism = {},
): Promise<{ home: StoreHome; engine: DurableJournal }> {
  const settings = readJournalSettings({ infoLog: false, ...options, storage })
  return openJournal(storage, settings, determinism)
}

/** A clock that ticks and bytes that a seed decides: two openings write the same. */
export function fixedWorld(seed: number): Required<Determinism> {
  const next = random(seed)
  let time = 1_767_225_600_000_000
  return {
    clock: () => (time += 1000),
    random: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    serial: true,
  }
}

export type Found = [sequence: number, text: string]

/** All records of the range, payloads as text. */
export async function recordsOf(
  journal: Pick<Journal, 'read'>,
  range: { from?: number; to?: number } = {},
): Promise<Found[]> {
  const found: Found[] = []
  for await (const { sequence, payload } of journal.read(range))
    found.push([sequence, Buffer.from(payload).toString()])
  return found
}

/** Appends records one after the other; gives what reading must give. */
export async function fill(journal: Journal, count: number, prefix = 'record'): Promise<Found[]> {
  const written: Found[] = []
  for (let i = 0; i < count; i++) {
    const text = `${prefix} ${i} ${'.'.repeat(40)}`
    written.push([await journal.append(text), text])
  }
  return written
}

/** The segments of a store, oldest first. */
export async function segmentsOf(storage: Storage): Promise<string[]> {
  const entries = await storage.list('segment')
  return entries.sort((a, b) => a.number - b.number).map(({ name }) => name)
}

/** What a promise rejects with; a failure when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const failed: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (failed instanceof Error) return failed
  throw new Error('it did not reject')
}

/** What a process that died leaves after `count` synced appends, and what they were. */
export async function killed(
  t: Pick<Test, 'teardown'>,
  plane: PlaneName,
  count: number,
  options = SMALL,
) {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage, options)
  const written = await fill(journal, count)
  const image = await imageOf(storage)
  await journal.close()
  return { image, written }
}

/** The same, closed. */
export async function closed(
  t: Pick<Test, 'teardown'>,
  plane: PlaneName,
  count: number,
  options = SMALL,
) {
  const storage = freshStorage(t, plane)
  const journal = await openStore(storage, options)
  const written = await fill(journal, count)
  await journal.close()
  return { image: await imageOf(storage), written }
}

/** Changes a file in place, or puts what is given there. */
export async function changed(
  image: Storage,
  name: string,
  change: (bytes: Buffer) => Buffer | void,
) {
  const bytes = Buffer.from(await readAll(image, name))
  await overwrite(image, name, change(bytes) ?? bytes)
}
