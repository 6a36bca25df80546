/**
 * A seeded run of writes with its oracle: what was submitted, what must survive power loss.
 *
 * `history` holds the state after every write. `durable` is the least prefix that a power cut may
 * leave: everything up to the newest acknowledged synced write, and everything that was
 * acknowledged before a settled `sync()`, `flush()` or `close()` was called.
 */
import { below, pick } from '../support/campaign.js'
import { History, Model } from '../support/model.js'
import type { Change, Entry } from '../support/model.js'
import { codesOf } from '../support/level.js'
import type { Level } from '../support/level.js'

const KEYS = 80

/** Unknown: its write to the journal failed, so it may be there or not. */
type Status = 'pending' | 'acknowledged' | 'unknown' | 'refused'

export class Workload {
  history: History
  durable = 0
  acknowledged = 0
  /** Some write was refused because an earlier one had failed. */
  poisoned = false
  readonly #writes: { readonly changes: readonly Change[]; status: Status }[] = []
  /** Writes that have not settled. */
  #pending = new Set<Promise<void>>()

  constructor(
    readonly random: () => number,
    start: readonly Entry[] = [],
  ) {
    this.history = new History(new Model(start))
  }

  get submitted(): number {
    return this.history.length
  }

  changes(): Change[] {
    const count = pick(this.random, [1, 1, 1, 2, 5, 20])
    return Array.from({ length: count }, () => {
      const key = `key-${String(below(this.random, KEYS)).padStart(3, '0')}`
      if (this.random() < 0.25) return { type: 'del', key }
      const length = pick(this.random, [3, 20, 100, 100, 600])
      const value = `${this.submitted}.`.padEnd(length, String(below(this.random, 1e6)))
      return { type: 'put', key, value }
    })
  }

  /** Submits one write and does not wait for it. */
  write(db: Level, sync: boolean, changes = this.changes()): Promise<void> {
    const index = this.history.submit(changes)
    const told: { changes: readonly Change[]; status: Status } = { changes, status: 'pending' }
    this.#writes.push(told)
    const [first] = changes
    const done =
      changes.length > 1 || first === undefined
        ? db.batch([...changes], { sync })
        : first.type === 'put'
          ? db.put(first.key, first.value, { sync })
          : db.del(first.key, { sync })
    const settled = done.then(
      () => {
        told.status = 'acknowledged'
        this.acknowledged = Math.max(this.acknowledged, index + 1)
        if (sync) this.durable = Math.max(this.durable, index + 1)
      },
      (error: unknown) => {
        const journal = /could not (write|sync|close) .*\.log/.test((error as Error).message)
        this.poisoned ||= codesOf(error).includes('CAIRN_POISONED')
        told.status = journal && !codesOf(error).includes('CAIRN_POISONED') ? 'unknown' : 'refused'
      },
    )
    this.#pending.add(settled)
    settled.finally(() => this.#pending.delete(settled))
    return done
  }

  /** Throws unless `found` is all acknowledged writes and, if allowed, some unknown ones. */
  checkFaulty(found: readonly Entry[], allowUnknown: boolean): void {
    const history = new History()
    for (const { changes, status } of this.#writes)
      if (status === 'acknowledged') history.submit(changes)
    const least = history.length
    for (const { changes, status } of this.#writes)
      if (status === 'unknown') history.submit(changes)
    history.check(found, least, allowUnknown ? history.length : least)
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending)
  }

  /** Runs what makes everything acknowledged so far durable: sync, flush, close. */
  async covered(action: () => Promise<void>): Promise<void> {
    const { acknowledged } = this
    await action()
    this.durable = Math.max(this.durable, acknowledged)
  }

  /** Some writes in flight together, awaited or not; now and then what covers them. */
  async step(db: Level): Promise<void> {
    const dice = this.random()
    if (dice < 0.06) return this.covered(() => db.flush())
    if (dice < 0.12) return this.covered(() => db.sync())
    if (dice < 0.15) return db.compactRange('key-', 'key-~')
    const together = pick(this.random, [1, 1, 2, 6])
    const writes = Array.from({ length: together }, () => this.write(db, this.random() < 0.3))
    const [first] = writes
    for (const write of writes) write.catch(() => undefined)
    if (this.random() < 0.3) await first
    else if (this.random() < 0.8) await this.settle()
  }
}
