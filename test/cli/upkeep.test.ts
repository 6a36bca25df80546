/**
 * stats, verify, compact, backup, repair and destroy.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { cairn, cairnWith, documents, temporary } from './command.js'
import { flipByte } from './specimen.js'
import { eachPlane } from '../support/planes.js'

// Slow machines may take their time.
t.setTimeout(600_000)

async function filled(t: { teardown(work: () => unknown): void }, records = 500): Promise<string> {
  const store = join(await temporary(t), 'store')
  const lines = Array.from({ length: records }, (_, at) => `{"id":${at},"name":"record ${at}"}`)
  const { code, errors } = await cairnWith(lines.join('\n'), 'load', store, '-', '--key', 'id')
  if (code !== 0) throw new Error(errors)
  return store
}

t.test('stats and verify tell of a sound store', async (t) => {
  const store = await filled(t)
  const [stats] = documents(await cairn('stats', store, '--json')) as [Record<string, unknown>]
  t.match(stats, { directory: store, unfinishedLoads: [], plane: { name: String, io: String } })
  t.match((await cairn('stats', store)).text, /plane/)
  const [report] = documents(await cairn('verify', store, '--json')) as [Record<string, unknown>]
  t.match(report, { ok: true, damage: [] })
  t.match((await cairn('verify', store)).text, /^all is well: /)
  const forced = documents(await cairn('stats', store, '--json', '--plane', 'typescript'))
  t.match(forced, [{ plane: { name: 'typescript' } }])
})

eachPlane(t, 'compacting keeps every record', async (t) => {
  const store = await filled(t)
  const before = (await cairn('dump', store)).text
  const ended = await cairn('compact', store, '--json')
  t.equal(ended.code, 0, ended.errors)
  t.match(documents(ended), [{ bytesBefore: Number, bytesAfter: Number }])
  t.equal((await cairn('dump', store)).text, before)
  t.ok(
    (await readdir(store)).some((name) => name.endsWith('.ldb')),
    'there are tables now',
  )
})

t.test('damage in a table is found, named and exit code 1', async (t) => {
  const store = await filled(t)
  await cairn('compact', store)
  const name = await flipByte(store, '.ldb')
  const ended = await cairn('verify', store, '--json')
  t.equal(ended.code, 1)
  t.match(documents(ended), [{ ok: false, damage: [{ file: name }] }])
  const shown = await cairn('verify', store)
  t.equal(shown.code, 1)
  t.match(shown.text, name)
})

t.test('damage that keeps a store from opening is told, then repaired', async (t) => {
  const store = await filled(t)
  const name = await flipByte(store, '.log')
  const ended = await cairn('verify', store, '--json')
  t.equal(ended.code, 1)
  t.match(documents(ended), [{ ok: false, damage: [{ file: name }] }])
  const refused = await cairn('count', store)
  t.equal(refused.code, 1)
  t.match(refused.errors, /\(CAIRN_CORRUPTION\)\n.*cairn repair/)
  const repaired = await cairn('repair', store)
  t.equal(repaired.code, 0, repaired.errors)
  t.equal((await cairn('verify', store)).code, 0)
})

t.test('a backup is a store, and one since another too', async (t) => {
  const store = await filled(t)
  const copy = (name: string) => join(store, '..', name)
  await cairn('compact', store)
  const ended = await cairn('backup', store, copy('first'), '--json')
  t.equal(ended.code, 0, ended.errors)
  t.equal(documents(ended).length, 1)
  await cairn('put', store, 'new', 'record')
  const since = await cairn('backup', store, copy('second'), '--since', copy('first'))
  t.equal(since.code, 0, since.errors)
  t.equal((await cairn('count', copy('first'))).text, '500\n')
  t.equal((await cairn('count', copy('second'))).text, '501\n')
  t.equal((await cairn('dump', copy('second'))).text, (await cairn('dump', store)).text)
  await mkdir(copy('full'))
  await writeFile(join(copy('full'), 'something'), '')
  t.equal((await cairn('backup', store, copy('full'))).code, 1, 'a target in use is refused')
})

t.test('destroying takes the word --yes', async (t) => {
  const store = await filled(t, 5)
  t.equal((await cairn('destroy', store)).code, 2)
  t.equal((await cairn('count', store)).text, '5\n')
  t.equal((await cairn('destroy', store, '--yes')).code, 0)
  t.match((await cairn('count', store)).errors, /\(CAIRN_MISSING\)/)
})

t.test('what is no store is not destroyed', async (t) => {
  const directory = await temporary(t)
  await writeFile(join(directory, '20260101.log'), 'a log of something else')
  const { code, errors } = await cairn('destroy', directory, '--yes')
  t.equal(code, 1)
  t.match(errors, /there is no store in .* \(CAIRN_MISSING\)/)
  t.same(await readdir(directory), ['20260101.log'])
})
