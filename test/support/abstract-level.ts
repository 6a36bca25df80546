/**
 * abstract-level's own suite under tap: a face of tape's names over tap's assertions.
 */
import { createRequire } from 'node:module'
import t from 'tap'
import type { Test } from 'tap'
import { PLANES, eachPlane } from './planes.js'
import type { PlaneName } from './planes.js'

/** Tests that the suite of abstract-level 3.1.1 has for a store that supports everything. */
export const SUITE_TESTS = 1509

type Body = (t: object) => unknown
type Suite = (common: { test: (name: string, body: Body) => void; factory: unknown }) => void

const suite = createRequire(import.meta.url)('abstract-level/test') as Suite

function tape(t: Test): object {
  return {
    is: (a: unknown, b: unknown, message = 'is') => t.equal(a, b, message),
    equal: (a: unknown, b: unknown, message = 'equal') => t.equal(a, b, message),
    isNot: (a: unknown, b: unknown, message = 'isNot') => t.not(a, b, message),
    same: (a: unknown, b: unknown, message = 'same') => t.strictSame(a, b, message),
    ok: (value: unknown, message = 'ok') => t.ok(value, message),
    notOk: (value: unknown, message = 'notOk') => t.notOk(value, message),
    // Also given away as event handlers, which get arguments that are no message.
    pass: (message?: unknown) => t.pass(String(message)),
    fail: (message?: unknown) => t.fail(String(message)),
    plan: (count: number) => t.plan(count),
    end: (error?: unknown) => {
      if (error !== undefined && error !== null) t.error(error)
      t.end()
    },
    throws: (run: () => unknown, check?: RegExp | ((error: unknown) => boolean)) => {
      try {
        run()
      } catch (error) {
        const fits =
          typeof check === 'function' ? check(error) : (check?.test(String(error)) ?? true)
        return t.ok(fits, `throws what is expected, ${String(error)}`)
      }
      return t.fail('throws')
    },
    doesNotThrow: (run: () => unknown, message = 'does not throw') => t.doesNotThrow(run, message),
    test: (name: string, body: Body) => t.test(name, (inner) => body(tape(inner)) as void),
  }
}

/** Runs the suite on what `factory(options)` makes, on each plane; asserts that all of it ran. */
export function runSuite(
  factory: (options?: object) => object,
  planes: readonly PlaneName[] = PLANES,
): void {
  // On a slow disk the thousands of openings take their time.
  t.setTimeout(600_000)
  const options = { timeout: 600_000 }
  eachPlane(t, 'the suite', (t) => runTests(t, factory), options, planes)
}

async function runTests(t: Test, factory: (options?: object) => object): Promise<void> {
  let ran = 0
  const ended: PromiseLike<unknown>[] = []
  suite({
    factory,
    test(name, body) {
      const run = (inner: Test): void => {
        ran++
        return body(tape(inner)) as void
      }
      ended.push(t.test(name, run))
    },
  })
  await Promise.all(ended)
  t.ok(ran >= SUITE_TESTS, `the whole suite ran: ${ran} tests`)
}
