/**
 * A child of the main job: writes cities durably, many in flight, and tells what is acknowledged.
 *
 * Each city is one atomic batch with `sync: true`; those in flight together share one sync of the
 * disk. A record number is told only after its promise has settled.
 */
import {
  cityValue,
  countryKey,
  nameKey,
  openStore,
  readCities,
  recordKey,
  sublevels,
  type City,
  type Store,
  type Sublevels,
} from './source.js'
import { readTask, tell } from './channel.js'

const IN_FLIGHT = 1024

export interface WriterTask {
  readonly directory: string
  /** The first record to write. */
  readonly from: number
}

export type WriterMessage =
  | { readonly kind: 'open'; readonly plane: Store['plane']; readonly openMs: number }
  /** Numbers of records, acknowledged since the last such message. */
  | { readonly kind: 'acknowledged'; readonly records: readonly number[] }
  | { readonly kind: 'done'; readonly seconds: number; readonly syncs: number }

class Writer {
  #next: number
  #acknowledged: number[] = []

  constructor(
    private readonly store: Store,
    private readonly levels: Sublevels,
    private readonly cities: readonly City[],
    from: number,
  ) {
    this.#next = from
  }

  /** One of many lanes: it writes the next city as soon as its last one is acknowledged. */
  async lane(): Promise<void> {
    while (this.#next < this.cities.length) {
      const record = this.#next++
      await this.#write(record)
      if (this.#acknowledged.push(record) === 1) setImmediate(() => this.#report())
    }
  }

  #write(record: number): Promise<void> {
    const { cities, byCountry, byName } = this.levels
    const city = this.cities[record]!
    const key = recordKey(record)
    return this.store.batch(
      [
        { type: 'put', sublevel: cities, key, value: cityValue(city) },
        { type: 'put', sublevel: byCountry, key: countryKey(city, record), value: city.name },
        { type: 'put', sublevel: byName, key: nameKey(city, record), value: key },
      ],
      { sync: true },
    )
  }

  #report(): void {
    const records = this.#acknowledged
    this.#acknowledged = []
    tell({ kind: 'acknowledged', records } satisfies WriterMessage)
  }
}

const task = await readTask<WriterTask>()
const cities = readCities()
const opening = performance.now()
const store = openStore(task.directory)
await store.open()
tell({
  kind: 'open',
  plane: store.plane,
  openMs: performance.now() - opening,
} satisfies WriterMessage)
const started = performance.now()
const writer = new Writer(store, sublevels(store), cities, task.from)
await Promise.all(Array.from({ length: IN_FLIGHT }, () => writer.lane()))
const seconds = (performance.now() - started) / 1000
const { syncs } = store.stats()
await store.close()
// Behind the last report, which waits for its turn of the event loop.
setImmediate(() => tell({ kind: 'done', seconds, syncs } satisfies WriterMessage))
