/**
 * How the command refuses: usage errors are 2, what is missing is 1, and nothing is created.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { cairn, start, temporary } from './command.js'

// Slow machines may take their time.
t.setTimeout(600_000)

t.test('wrong usage says what is wrong and exits with 2', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const wrong: readonly (readonly string[])[] = [
    [],
    ['nothing'],
    ['get', store],
    ['get', store, 'key', 'more'],
    ['count', store, '--limit', '1'],
    ['range', store, '--limit', 'many'],
    ['range', store, '--limit', '-1'],
    ['range', store, '--keys', '--values'],
    ['count', store, '--plane', 'wooden'],
    ['get', store, '???', '--base64'],
    ['load', store, 'records.dat'],
    ['load', store, 'records.csv', '--format', 'xml'],
    ['load', store, 'records.csv', '--batch', '0'],
    ['destroy', store],
  ]
  for (const words of wrong) {
    const { code, text, errors } = await cairn(...words)
    t.equal(code, 2, `cairn ${words.join(' ')}`)
    t.equal(text, '', 'nothing on stdout')
    if (words.length > 0) t.match(errors, /^cairn: .* \(USAGE\)\n/)
  }
  t.same(await readdir(directory), [], 'nothing was created')
})

t.test('a process ends as its command does', async (t) => {
  const store = join(await temporary(t), 'store')
  for (const words of [
    ['--version'],
    ['count', store],
    ['nothing'],
    ['put', store, 'key', 'value'],
    ['get', store, 'key', '--json'],
    ['get', store, 'other'],
  ]) {
    const { child, ended } = start(...words)
    child.stdin.end()
    t.same(await ended, await cairn(...words), `cairn ${words.join(' ')}`)
  }
})

t.test('help and version are no errors', async (t) => {
  for (const words of [['help'], ['--help'], ['load', '--help'], ['--version']]) {
    const { code, text, errors } = await cairn(...words)
    t.equal(code, 0, words.join(' '))
    t.not(text, '')
    t.equal(errors, '')
  }
})

t.test('a store that is not there is missing, and stays so', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'file')
  await writeFile(file, 'not a directory')
  const words = [
    ['get', 'key'],
    ['range'],
    ['count'],
    ['dump'],
    ['del', 'key'],
    ['stats'],
    ['verify'],
    ['compact'],
    ['backup', join(directory, 'copy')],
    ['repair'],
    ['destroy', '--yes'],
  ] as const
  for (const [command, ...rest] of words) {
    for (const place of [store, file]) {
      const { code, text, errors } = await cairn(command, place, ...rest)
      t.equal(code, 1, command)
      t.equal(text, '')
      t.match(errors, /^cairn: .* \(CAIRN_MISSING\)\n {2}\S/)
    }
  }
  t.same(await readdir(directory), ['file'], 'nothing was created')
})

t.test('reading an empty directory creates nothing in it', async (t) => {
  const store = join(await temporary(t), 'empty')
  await mkdir(store)
  for (const command of ['count', 'dump', 'stats', 'verify']) {
    const { code, errors } = await cairn(command, store)
    t.equal(code, 1, command)
    t.match(errors, /\(CAIRN_MISSING\)/)
  }
  t.same(await readdir(store), [])
})

t.test('a wrong input file leaves no store behind', async (t) => {
  const directory = await temporary(t)
  for (const [file, code] of [
    ['absent.csv', 'ENOENT'],
    ['.', 'EISDIR'],
  ] as const) {
    const words = [join(directory, 'store'), join(directory, file), '--format', 'csv']
    const ended = await cairn('load', ...words)
    t.equal(ended.code, 1)
    t.match(ended.errors, new RegExp(`^cairn: .*\\(${code}\\)\\n`))
  }
  t.same(await readdir(directory), [])
})

t.test('a stack is shown only when it is asked for', async (t) => {
  const store = join(await temporary(t), 'store')
  const { errors } = await cairn('count', store)
  t.notMatch(errors, /\n {4}at /)
  process.env['CAIRN_DEBUG'] = '1'
  t.teardown(() => delete process.env['CAIRN_DEBUG'])
  t.match((await cairn('count', store)).errors, /\n {4}at /)
})
