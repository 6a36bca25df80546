/**
 * The calls of a workload in their order: what each must give, what came of it, what survives.
 *
 * Sequences are known as soon as the first call of a session has settled, so that all that follow
 * can be held to theirs. What is acknowledged is durable at once when every call is synced, else
 * once something that covers it has settled.
 */
import assert from 'node:assert/strict'
import { codesOf } from '../support/level.js'
import type { Promised } from './subject.js'

export interface Call {
  /** How many records it writes. */
  readonly records: number
  /** The sequence of the first of them. */
  first: number | undefined
}

export class Calls<C extends Call> {
  list: C[] = []
  /** How many, from the first on, survive power loss, and the process. */
  durable = 0
  acknowledged = 0
  handedOut = 0
  /** Acknowledgements follow a sync. */
  isSynced = true
  /** How many had been made when the first one was rejected: later ones leave no trace. */
  stoppedAt: number | undefined
  #next: number | undefined
  readonly #pending = new Set<Promise<void>>()
  readonly #wrong: unknown[] = []

  /** What the next record's sequence is; undefined before the first call of a session. */
  get next(): number | undefined {
    return this.#next
  }

  get promised(): Promised {
    const { durable, handedOut, list } = this
    return { durable, submitted: list.length, handedOut }
  }

  /** What the death of the process, or a failure, leaves: all that was acknowledged, and nothing
   * that was called after the first rejection. */
  get survivors(): Promised {
    const { acknowledged, handedOut, list, stoppedAt = list.length } = this
    return { durable: acknowledged, submitted: stoppedAt, handedOut }
  }

  /** Begins a session in which acknowledgements are synced or not. */
  begin(isSynced: boolean): void {
    this.isSynced = isSynced
    this.#next = undefined
    this.stoppedAt = undefined
  }

  /**
   * Adds a call that was just made. `firstOf` gives, or checks, the sequence of its first record
   * by its result. Settles with it; never rejects unless the caller asks for `done`.
   */
  add<T>(call: C, done: Promise<T>, firstOf: (result: T) => number | void): Promise<T> {
    const index = this.list.push(call) - 1
    call.first = this.#next
    if (this.#next !== undefined) this.#next += call.records
    this.#follow(
      done.then(
        (result) => this.#settled(index, call, firstOf(result)),
        (error: unknown) => this.#rejected(index, error),
      ),
    )
    return done
  }

  /** Follows a call that writes nothing: what `check` throws counts as wrong. */
  watch<T>(done: Promise<T>, check: (result: T) => void, refused?: (error: unknown) => void): void {
    this.#follow(
      done.then(check, (error: unknown) => {
        if (codesOf(error).includes('CAIRN_POISONED')) return
        if (refused === undefined) throw error
        refused(error)
      }),
    )
  }

  /** Waits for all; throws what was wrong with any. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending)
    if (this.#wrong.length > 0) throw this.#wrong[0]
  }

  /** Runs what makes everything acknowledged so far durable: sync, rotate, close. */
  async covered<T>(action: () => Promise<T>): Promise<T> {
    const { acknowledged } = this
    const result = await action()
    this.durable = Math.max(this.durable, acknowledged)
    return result
  }

  /** The first `count` were recovered from a crash, and nothing else; a new session begins. */
  resume(count: number, { handedOut }: Promised): void {
    this.list = this.list.slice(0, count)
    this.handedOut = handedOut
    this.durable = this.acknowledged = count
    this.begin(this.isSynced)
  }

  #follow(followed: Promise<void>): void {
    const settled = followed.catch((error: unknown) => void this.#wrong.push(error))
    this.#pending.add(settled)
    void settled.finally(() => this.#pending.delete(settled))
  }

  #settled(index: number, call: C, told: number | void): void {
    assert.equal(this.stoppedAt, undefined, 'nothing is acknowledged behind a rejection')
    const { records } = call
    if (call.first === undefined && told !== undefined) {
      assert.ok(told > this.handedOut, `sequence ${told} was handed out before`)
      call.first = told
      this.#next ??= told + records
    }
    if (told !== undefined) assert.equal(told, call.first, 'the sequence that follows')
    assert.equal(this.acknowledged, index, 'calls settle in their order')
    this.acknowledged = index + 1
    if (this.isSynced) this.durable = this.acknowledged
    if (call.first !== undefined) this.handedOut = call.first + records - 1
  }

  #rejected(index: number, error: unknown): void {
    const codes = codesOf(error)
    assert.ok(codes.includes('CAIRN_POISONED'), `call ${index}: ${String(error)}`)
    this.stoppedAt ??= this.list.length
  }
}
