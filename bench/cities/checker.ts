/**
 * A child of the main job: opens the store and holds every entry in it to the source.
 *
 * What must hold: the records are exactly 0 to n-1, each with the right bytes and with its entries
 * in both indexes and nothing besides; so nothing was lost in the middle, invented or torn.
 * Then it answers a few questions, in both ways where the source can answer too.
 */
import { readTask, tell } from './channel.js'
import {
  cityValue,
  countryKey,
  ENTRIES_PER_CITY,
  nameKey,
  openStore,
  populationKey,
  readCities,
  recordKey,
  sublevels,
  type City,
  type Store,
  type Sublevels,
} from './source.js'

const PAGE_ROWS = 1000

export interface CheckerTask {
  readonly directory: string
  readonly questions: boolean
}

export interface Answer {
  readonly question: string
  readonly answer: string
  readonly rows: number
  readonly micros: number
  readonly right: boolean
}

export interface CheckerMessage {
  readonly records: number
  readonly problems: readonly string[]
  readonly recovered: Store['recovered']
  readonly openMs: number
  readonly checkMs: number
  readonly answers: readonly Answer[]
  readonly verified: Awaited<ReturnType<Store['verify']>>
  readonly verifyMs: number
}

interface Range {
  readonly gte?: string
  readonly lt?: string
  readonly reverse?: boolean
  readonly limit?: number
}

function inside(key: Buffer, { gte, lt }: Range): boolean {
  if (gte !== undefined && Buffer.compare(key, Buffer.from(gte)) < 0) return false
  return lt === undefined || Buffer.compare(key, Buffer.from(lt)) < 0
}

class Checker {
  readonly problems: string[] = []
  entries = 0

  constructor(
    private readonly store: Store,
    private readonly levels: Sublevels,
    private readonly cities: readonly City[],
  ) {}

  /** Records found, checked one by one and by their index entries. */
  async records(): Promise<number> {
    let record = 0
    for await (const rows of pages(this.levels.cities)) {
      for (const [key, value] of rows) {
        const city = this.cities[record]
        if (city === undefined) this.#problem(`entry ${key} is beyond the source`)
        else if (key !== recordKey(record)) {
          this.#problem(`record ${record} is missing: ${key} stands there`)
          record = Number(key)
        } else if (value !== cityValue(city)) this.#problem(`record ${record} has other bytes`)
        record++
      }
    }
    await this.#index('by-country', this.levels.byCountry, record, countryKey, ({ name }) => name)
    await this.#index('by-name', this.levels.byName, record, nameKey, (_, at) => recordKey(at))
    for await (const rows of pages(this.store)) this.entries += rows.length
    if (this.entries !== record * ENTRIES_PER_CITY) {
      this.#problem(`${this.entries} entries stand where ${record * ENTRIES_PER_CITY} should`)
    }
    return record
  }

  async #index(
    name: string,
    level: Sublevels['byName'],
    records: number,
    keyOf: (city: City, record: number) => string,
    valueOf: (city: City, record: number) => string,
  ): Promise<void> {
    const expected = new Map<string, string>()
    this.cities.slice(0, records).forEach((city, at) => {
      expected.set(keyOf(city, at), valueOf(city, at))
    })
    for await (const rows of pages(level)) {
      for (const [key, value] of rows) {
        if (expected.get(key) !== value) this.#problem(`${name} has a wrong entry ${key}`)
        expected.delete(key)
      }
    }
    if (expected.size > 0) this.#problem(`${name} lacks ${expected.size} entries`)
  }

  async questions(): Promise<Answer[]> {
    return [
      await this.#ask('cities of Iceland', 'byCountry', { gte: 'IS:', lt: 'IS;' }),
      await this.#ask('Germany, 100,000 to 1,000,000 people', 'byCountry', {
        gte: `DE:${populationKey(100_000)}`,
        lt: `DE:${populationKey(1_000_000)}`,
      }),
      await this.#ask('the five largest of Japan', 'byCountry', {
        gte: 'JP:',
        lt: 'JP;',
        reverse: true,
        limit: 5,
      }),
      await this.#ask('names that begin with "san "', 'byName', { gte: 'san ', lt: 'san!' }),
      await this.#ask('the last name of all', 'byName', { reverse: true, limit: 1 }),
    ]
  }

  /** Asks the store, then the source, the slow way: right is the same keys in the same order. */
  async #ask(question: string, index: 'byCountry' | 'byName', range: Range): Promise<Answer> {
    const started = performance.now()
    const rows = await this.levels[index].iterator(range).all()
    const micros = (performance.now() - started) * 1000
    const keyOf = index === 'byCountry' ? countryKey : nameKey
    const expected = this.cities
      .map((city, record) => Buffer.from(keyOf(city, record)))
      .filter((key) => inside(key, range))
      .sort((a, b) => (range.reverse ? Buffer.compare(b, a) : Buffer.compare(a, b)))
      .slice(0, range.limit)
    const right =
      rows.length === expected.length &&
      rows.every(([key], at) => expected[at]!.equals(Buffer.from(key)))
    const names = rows.slice(0, 3).map(([, value]) => {
      return index === 'byCountry' ? value : this.cities[Number(value)]!.name
    })
    const answer = names.join(', ') + (rows.length > names.length ? ', ...' : '')
    return { question, answer, rows: rows.length, micros, right }
  }

  #problem(text: string): void {
    // The first ones tell enough.
    if (this.problems.length < 20) this.problems.push(text)
  }
}

async function* pages(level: Store | Sublevels['byName']): AsyncGenerator<[string, string][]> {
  const iterator = level.iterator()
  try {
    for (;;) {
      const rows = await iterator.nextv(PAGE_ROWS)
      if (rows.length === 0) return
      yield rows
    }
  } finally {
    await iterator.close()
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const started = performance.now()
  return [await work(), performance.now() - started]
}

const task = await readTask<CheckerTask>()
const cities = readCities()
const store = openStore(task.directory)
const [, openMs] = await timed(() => store.open())
const checker = new Checker(store, sublevels(store), cities)
const [records, checkMs] = await timed(() => checker.records())
const answers = task.questions ? await checker.questions() : []
const [verified, verifyMs] = await timed(() => store.verify())
const { recovered } = store
await store.close()
tell({
  records,
  problems: checker.problems,
  recovered,
  openMs,
  checkMs,
  answers,
  verified,
  verifyMs,
} satisfies CheckerMessage)
