/**
 * Loads that are cut short, by SIGKILL and by signals that ask: nothing acknowledged is lost, and
 * the next run goes on. (P1, P2: what was acknowledged survives kill -9; a batch is whole or
 * absent.)
 */
import { join } from 'node:path'
import t from 'tap'
import { cairn, cairnWith, documents, grownTo, start, temporary } from './command.js'
import { eachPlane } from '../support/planes.js'

// Slow machines may take their time.
t.setTimeout(600_000)

const RECORDS = 5000
const BATCH = 100
const PAD = 'x'.repeat(100)

function lines(from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++)
    text += `{"id":"${String(at).padStart(6, '0')}","p":"${PAD}"}\n`
  return text
}

async function progress(store: string): Promise<number> {
  const [told] = documents(await cairn('stats', store, '--json')) as [
    { unfinishedLoads: { records: number }[] },
  ]
  return told.unfinishedLoads[0]?.records ?? 0
}

eachPlane(t, 'kill -9 in the middle of a load', async (t) => {
  const store = join(await temporary(t), 'store')
  const words = ['load', store, '-', '--key', 'id', '--batch', String(BATCH), '--json']
  let before = 0
  // Its input stays open, so that it is killed in the middle whenever the kill comes.
  for (const bytes of [1, 200_000, 400_000]) {
    const { child, ended } = start(...words)
    child.stdin.write(lines(0, RECORDS))
    await grownTo(store, bytes)
    child.kill('SIGKILL')
    t.equal((await ended).code, 'SIGKILL')
    // A store that was killed while it was made may not be one yet.
    const verified = await cairn('verify', store)
    if (verified.code !== 0 && /CAIRN_MISSING/.test(verified.errors)) continue
    t.equal(verified.code, 0, verified.errors)
    const records = await progress(store)
    t.ok(records >= before, `${records} after ${before}`)
    t.equal(records % BATCH, 0, 'batches are whole')
    const keys = (await cairn('range', store, '--keys', '--gte', '0')).text.split('\n').length - 1
    t.equal(keys, records, 'the progress record tells the records that are there')
    before = records
  }
  t.ok(before > 0, 'something was acknowledged')
  const ended = await cairnWith(lines(0, RECORDS + 10), ...words)
  t.equal(ended.code, 0, ended.errors)
  t.match(documents(ended), [{ records: RECORDS + 10, continuedAt: before }])
  t.equal((await cairn('range', store, '--values')).text, lines(0, RECORDS + 10))
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  eachPlane(t, `${signal} closes the store and exits with ${code}`, async (t) => {
    const store = join(await temporary(t), 'store')
    const words = ['load', store, '-', '--key', 'id', '--batch', String(BATCH)]
    const { child, ended } = start(...words)
    child.stdin.write(lines(0, RECORDS))
    await grownTo(store, 100_000)
    child.kill(signal)
    const { code: found, errors, text } = await ended
    t.equal(found, code)
    t.equal(text, '')
    t.match(errors, /records are loaded and safe: run it again/)
    const records = await progress(store)
    t.ok(records > 0)
    t.match(errors, records.toLocaleString('en-US'), 'as many as it said')
    t.equal((await cairn('verify', store)).code, 0, 'closed cleanly')
    t.equal((await cairnWith(lines(0, RECORDS), ...words)).code, 0)
    t.equal((await cairn('count', store)).text, `${RECORDS}\n`)
  })
}

eachPlane(t, 'a store in use is refused, and the holder told of', async (t) => {
  const store = join(await temporary(t), 'store')
  const { child, ended } = start('load', store, '-', '--key', 'id', '--batch', '1')
  child.stdin.write(lines(0, 10))
  await grownTo(store, 500)
  const refused = await cairn('count', store)
  t.equal(refused.code, 1)
  t.match(refused.errors, /\(CAIRN_LOCKED\)\n {2}another process/)
  child.stdin.end()
  t.equal((await ended).code, 0)
  t.equal((await cairn('count', store)).text, '10\n')
})
