/** The wrapper that fails, and what the composed operations leave when a step of theirs does. */
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import { faultyStorage } from '../support/faulty.js'
import type { FaultyOperation } from '../support/faulty.js'
import { coded, get, namesOf, put } from './contract.js'

const STEPS: FaultyOperation[] = ['create', 'write', 'sync', 'close', 'rename', 'syncDirectory']

void t.test('each step of setCurrent', async (t) => {
  for (const operation of STEPS) {
    const inner = memoryStorage()
    const storage = faultyStorage(inner)
    await storage.createDirectory()
    await storage.setCurrent('MANIFEST-000001')
    for (const error of ['EIO', 'ENOSPC'] as const) {
      storage.rule = { operation, error }
      const code = error === 'EIO' ? 'CAIRN_IO' : 'CAIRN_NO_SPACE'
      await t.rejects(storage.setCurrent('MANIFEST-000002'), coded(code), `${operation} ${error}`)
      t.same(await namesOf(inner), ['CURRENT'], 'no temporary file stays')
      const left = await inner.crashClone(0).getCurrent()
      t.equal(left, 'MANIFEST-000001\n', 'the old one is safe until the end')
      storage.rule = undefined
    }
    await storage.setCurrent('MANIFEST-000002')
    t.equal(await inner.crashClone(0).getCurrent(), 'MANIFEST-000002\n')
  }
})

void t.test('a power cut between any two operations of setCurrent', async (t) => {
  const storage = memoryStorage()
  await storage.createDirectory()
  await storage.setCurrent('MANIFEST-000001')
  const clones: ReturnType<typeof storage.crashClone>[] = []
  const cut = () => {
    for (let seed = 0; seed < 40; seed++) clones.push(storage.crashClone(seed))
  }
  storage.onOperation = cut
  await storage.setCurrent('MANIFEST-000002')
  const after = clones.length
  cut()
  for (const [i, clone] of clones.entries()) {
    const current = await clone.getCurrent()
    if (i >= after) t.equal(current, 'MANIFEST-000002\n')
    else t.match(current, /^MANIFEST-00000[12]\n$/)
  }
})

void t.test('a failing copy leaves nothing', async (t) => {
  const inner = memoryStorage()
  const target = faultyStorage(inner)
  const storage = faultyStorage(memoryStorage())
  await storage.createDirectory()
  await target.createDirectory()
  await put(storage, '000001.ldb', 'x'.repeat(3_000_000))
  for (const operation of ['create', 'write', 'sync', 'close'] as const) {
    target.rule = { operation, nth: operation === 'write' ? 2 : 1, short: true }
    await t.rejects(storage.copyTo(target, '000001.ldb'), coded('CAIRN_IO'))
    t.same(await namesOf(inner), [])
  }
  target.rule = undefined
  storage.rule = { operation: 'read', nth: 3 }
  await t.rejects(storage.copyTo(target, '000001.ldb'), coded('CAIRN_IO'))
  t.same(await namesOf(inner), [])
})

void t.test('rules', async (t) => {
  const inner = memoryStorage()
  const storage = faultyStorage(inner, { operation: 'write', file: /\.log$/, nth: 2, short: true })
  await storage.createDirectory()
  const log = await storage.create('000001.log')
  const table = await storage.create('000002.ldb')
  table.writeSync(Buffer.from('ab'), 0)
  log.writeSync(Buffer.from('abcd'), 0)
  table.writeSync(Buffer.from('ab'), 2)
  t.throws(() => log.writeSync(Buffer.from('efgh'), 4), coded('CAIRN_IO'))
  t.equal(await get(inner, '000001.log'), 'abcdef', 'half of it is there')
  log.writeSync(Buffer.from('efgh'), 4)
  t.equal(storage.calls.write, 5)
  t.equal(storage.failures, 1)
  storage.rule = { operation: ['sync', 'write'], error: 'ENOSPC', nth: 2, forGood: true }
  await log.sync()
  await t.rejects(log.sync(), { ...coded('CAIRN_NO_SPACE'), file: '000001.log' })
  await t.rejects(log.write(Buffer.from('x'), 0), coded('CAIRN_NO_SPACE'))
  t.equal(await get(inner, '000001.log'), 'abcdefgh')
  storage.rule = { file: /LOCK|000009/ }
  await log.sync()
  await t.rejects(storage.rename('000001.log', '000009.log'), coded('CAIRN_IO'))
  await storage.rename('000001.log', '000008.log')
  storage.rule = { error: 'EINTR' }
  await t.rejects(storage.list(), { code: 'CAIRN_IO', cause: { code: 'EINTR' } })
  t.equal((await storage.list()).length, 2)
})
