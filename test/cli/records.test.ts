/**
 * get, put, del, range, count and dump: what goes in comes out, as text and as bytes.
 */
import { join } from 'node:path'
import t from 'tap'
import { MAIN, cairn, cairnWith, documents, start, temporary } from './command.js'

// Slow machines may take their time.
t.setTimeout(600_000)

t.test('a value comes back byte for byte', async (t) => {
  const store = join(await temporary(t), 'store')
  t.equal((await cairn('put', store, 'a', 'one')).code, 0)
  const bytes = Buffer.from([0, 255, 10, 13, 128, 10])
  t.equal((await cairnWith(bytes, 'put', store, 'b')).code, 0)
  t.equal((await cairnWith('', 'put', store, 'empty', '-')).code, 0)
  t.equal((await cairn('get', store, 'a')).text, 'one')
  t.same((await cairn('get', store, 'b')).stdout, bytes)
  const empty = await cairn('get', store, 'empty')
  t.equal(empty.code, 0)
  t.equal(empty.text, '')
  t.same(documents(await cairn('get', store, 'b', '--json')), [
    { key: 'b', value: { base64: bytes.toString('base64') } },
  ])
})

t.test('a key that is not there is exit code 1', async (t) => {
  const store = join(await temporary(t), 'store')
  await cairn('put', store, 'a', 'one')
  const { code, text, errors } = await cairn('get', store, 'b')
  t.equal(code, 1)
  t.equal(text, '')
  t.match(errors, /^cairn: there is no key 'b' \(CAIRN_NOT_FOUND\)/)
})

t.test('ranges have bounds, a limit and a direction', async (t) => {
  const store = join(await temporary(t), 'store')
  for (const key of ['a', 'b', 'c', 'd']) await cairn('put', store, key, key.toUpperCase())
  const lines = async (...words: string[]) => {
    return (await cairn('range', store, ...words)).text.split('\n').slice(0, -1)
  }
  t.same(await lines(), ['a\tA', 'b\tB', 'c\tC', 'd\tD'])
  t.same(await lines('--gt', 'a', '--lte', 'c', '--keys'), ['b', 'c'])
  t.same(await lines('--gte', 'b', '--lt', 'd', '--values'), ['B', 'C'])
  t.same(await lines('--reverse', '--limit', '2', '--keys'), ['d', 'c'])
  t.same(await lines('--limit', '0'), [])
  t.same(documents(await cairn('range', store, '--json', '--lt', 'b')), [{ key: 'a', value: 'A' }])
  t.same(documents(await cairn('range', store, '--json', '--keys', '--lt', 'b')), [{ key: 'a' }])
  t.equal((await cairn('count', store)).text, '4\n')
  t.same(documents(await cairn('--json', 'count', store, '--gt', 'b')), [{ count: 2 }])
})

t.test('deleting takes several keys at once, absent ones too', async (t) => {
  const store = join(await temporary(t), 'store')
  for (const key of ['a', 'b', 'c']) await cairn('put', store, key, key)
  t.same(documents(await cairn('del', store, 'a', 'c', 'z', '--json')), [{ keys: ['a', 'c', 'z'] }])
  t.equal((await cairn('range', store, '--keys')).text, 'b\n')
})

t.test('keys that are not text go in and out as base64', async (t) => {
  const store = join(await temporary(t), 'store')
  t.equal((await cairn('put', store, '/w==', 'AAE=', '--base64')).code, 0)
  await cairn('put', store, 'text', 'value')
  t.same((await cairn('get', store, '/w==', '--base64')).stdout, Buffer.from([0, 1]))
  t.same(documents(await cairn('dump', store)), [
    { key: 'text', value: 'value' },
    { key: { base64: '/w==' }, value: '\u0000\u0001' },
  ])
  await cairn('del', store, '/w==', '--base64')
  t.equal((await cairn('count', store)).text, '1\n')
})

t.test('a dump is loaded again as it was', async (t) => {
  const directory = await temporary(t)
  const keys = ['a', '__proto__', 'line\nbreak', 'tab\t', 'ünï', '\u{1f30d}', '"quoted"', ' ']
  for (const key of keys) await cairn('put', join(directory, 'one'), key, `value of ${key}`)
  await cairn('put', join(directory, 'one'), '//79', 'gIGC', '--base64')
  const dump = await cairn('dump', join(directory, 'one'))
  t.equal(dump.text.split('\n').length - 1, keys.length + 1)
  const loaded = await cairnWith(dump.stdout, 'load', join(directory, 'two'), '-')
  t.equal(loaded.code, 0, loaded.errors)
  t.equal((await cairn('dump', join(directory, 'two'))).text, dump.text)
})

t.test('a reader that goes away ends a dump quietly', async (t) => {
  const store = join(await temporary(t), 'store')
  // More than every buffer between the two holds.
  const lines = Array.from({ length: 20_000 }, (_, at) => `{"id":${at},"pad":"${'x'.repeat(100)}"}`)
  const loaded = await cairnWith(lines.join('\n'), 'load', store, '-', '--key', 'id')
  t.equal(loaded.code, 0, loaded.errors)
  for (const command of ['dump', 'range']) {
    const { child, ended } = start(command, store)
    child.stdout.once('data', () => child.stdout.destroy())
    const { code, errors } = await ended
    t.equal(code, 0, command)
    t.equal(errors, '')
  }
  t.equal((await cairn('count', store)).text, '20000\n', 'the store is free and whole')
})

t.test('a full output is told', { skip: process.platform !== 'linux' }, async (t) => {
  const store = join(await temporary(t), 'store')
  await cairn('put', store, 'a', 'one')
  const { openSync, closeSync } = await import('node:fs')
  const { spawnSync } = await import('node:child_process')
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'get', store, 'a'], {
    stdio: ['ignore', full, 'pipe'],
  })
  t.equal(status, 1)
  t.match(stderr.toString(), /^cairn: ENOSPC/)
})
