/**
 * What a key-value store must say: a sorted map, and the history of a run of writes.
 *
 * Keys are ASCII, so that the order of JavaScript strings is the order of their bytes.
 */
import assert from 'node:assert/strict'

export interface Put {
  readonly type: 'put'
  readonly key: string
  readonly value: string
}

export interface Del {
  readonly type: 'del'
  readonly key: string
}

export type Change = Put | Del
export type Entry = [key: string, value: string]

export interface Bounds {
  gt?: string
  gte?: string
  lt?: string
  lte?: string
  reverse?: boolean
  limit?: number
}

/** Whether a key lies within bounds. */
export function within(key: string, bounds: Bounds): boolean {
  if (bounds.gt !== undefined && key <= bounds.gt) return false
  if (bounds.gte !== undefined && key < bounds.gte) return false
  if (bounds.lt !== undefined && key >= bounds.lt) return false
  return bounds.lte === undefined || key <= bounds.lte
}

export class Model {
  readonly map: Map<string, string>

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.map = new Map(entries)
  }

  copy(): Model {
    return new Model(this.map)
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes)
      if (change.type === 'put') this.map.set(change.key, change.value)
      else this.map.delete(change.key)
  }

  /** Entries in order, within bounds; a negative limit is none. */
  entries(bounds: Bounds = {}): Entry[] {
    const found = [...this.map].filter(([key]) => within(key, bounds))
    found.sort(([a], [b]) => (a < b ? -1 : 1))
    if (bounds.reverse) found.reverse()
    const { limit = -1 } = bounds
    return limit < 0 ? found : found.slice(0, limit)
  }

  clear(bounds: Bounds): void {
    for (const [key] of this.entries(bounds)) this.map.delete(key)
  }
}

/** Every state that a run of writes went through: state n holds the first n writes. */
export class History {
  readonly states: string[]
  #model: Model

  constructor(start: Model = new Model()) {
    this.#model = start.copy()
    this.states = [digest(this.#model.entries())]
  }

  /** Writes submitted so far. */
  get length(): number {
    return this.states.length - 1
  }

  /** Adds one write, whole or absent; gives its index, so that state index + 1 holds it. */
  submit(changes: readonly Change[]): number {
    this.#model.apply(changes)
    this.states.push(digest(this.#model.entries()))
    return this.length - 1
  }

  /** Throws unless `entries` is the state after n writes with least <= n <= most; gives that n. */
  check(entries: readonly Entry[], least: number, most: number): number {
    const found = digest(entries)
    for (let n = most; n >= least; n--) if (this.states[n] === found) return n
    const elsewhere = this.states.lastIndexOf(found)
    const said = elsewhere < 0 ? 'no prefix of the writes at all' : `the state after ${elsewhere}`
    const nearest = JSON.parse(this.states[most] ?? this.states.at(-1)!) as Entry[]
    assert.fail(
      `recovered is ${said}; asked for ${least} to ${most} of ${this.length} writes. ` +
        difference(entries, nearest),
    )
  }
}

function digest(entries: readonly Entry[]): string {
  return JSON.stringify(entries)
}

/** The first places where two contents differ, in words. */
export function difference(found: readonly Entry[], expected: readonly Entry[]): string {
  const has = new Map(found)
  const should = new Map(expected)
  const said: string[] = []
  for (const [key, value] of should)
    if (!has.has(key)) said.push(`missing ${key}`)
    else if (has.get(key) !== value) said.push(`${key} is ${has.get(key)!.slice(0, 24)}`)
  for (const key of has.keys()) if (!should.has(key)) said.push(`invented ${key}`)
  return `found ${found.length}, expected ${expected.length}: ${said.slice(0, 8).join(', ')}`
}
