/**
 * cairn map: get, set, del, ls, snapshot, snapshots, verify and compact.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { DurableMap, type MapOptions } from '../../lib/index.js'
import { cairn, cairnWith, documents, interruptible, temporary } from './command.js'
import { contents, flipByte, refuses } from './specimen.js'
import { eachPlane } from '../support/planes.js'

// Slow machines may take their time.
t.setTimeout(600_000)

type Test = Parameters<typeof temporary>[0]

/** A map of 100 keys that were all set three times, in segments of 50 records. */
async function filled(t: Test, options: MapOptions = {}): Promise<string> {
  const directory = join(await temporary(t), 'map')
  // Nothing is compacted before the command does it.
  const quiet = { segmentRecords: 50, compactThreshold: 1_000_000 }
  const map = await DurableMap.open<string, Buffer>(directory, { ...quiet, ...options })
  for (let time = 1; time <= 3; time++) {
    for (let at = 0; at < 100; at++) await map.set(`key ${at}`, Buffer.from(`value ${at}.${time}`))
  }
  await map.close()
  return directory
}

eachPlane(t, 'a value comes back byte for byte', async (t) => {
  const map = join(await temporary(t), 'map')
  const stored = await cairn('map', 'set', map, 'a', 'one', '--json')
  t.equal(stored.code, 0, stored.errors)
  t.same(documents(stored), [{ key: 'a', bytes: 3, version: 1 }])
  const bytes = Buffer.from([0, 255, 10, 13, 128, 10])
  t.equal((await cairnWith(bytes, 'map', 'set', map, 'b')).code, 0)
  t.equal((await cairnWith('', 'map', 'set', map, 'empty', '-')).code, 0)
  t.equal((await cairn('map', 'set', map, '/w==', 'AAE=', '--base64')).code, 0)
  t.equal((await cairn('map', 'get', map, 'a')).text, 'one')
  t.same((await cairn('map', 'get', map, 'b')).stdout, bytes)
  t.equal((await cairn('map', 'get', map, 'empty')).text, '')
  t.same((await cairn('map', 'get', map, '/w==', '--base64')).stdout, Buffer.of(0, 1))
  t.same(documents(await cairn('map', 'get', map, 'b', '--json')), [
    { key: 'b', value: { base64: bytes.toString('base64') } },
  ])
  const absent = await cairn('map', 'get', map, 'c')
  t.equal(absent.code, 1)
  t.match(absent.errors, /^cairn: there is no key 'c' \(CAIRN_NOT_FOUND\)/)
})

t.test('ls lists keys, by prefix and up to a limit', async (t) => {
  const map = join(await temporary(t), 'map')
  for (const key of ['ab', 'a', 'b', 'ac']) await cairn('map', 'set', map, key, key)
  await cairn('map', 'set', map, '/w==', 'AAE=', '--base64')
  const before = await contents(map)
  const keys = async (...words: string[]) => {
    const ended = await cairn('map', 'ls', map, '--json', ...words)
    t.equal(ended.code, 0, ended.errors)
    return documents(ended) as { key: unknown; version: number; bytes: number }[]
  }
  const all = (await keys()).sort((a, b) => a.version - b.version)
  t.same(all, [
    { key: 'ab', version: 1, bytes: 2 },
    { key: 'a', version: 2, bytes: 1 },
    { key: 'b', version: 3, bytes: 1 },
    { key: 'ac', version: 4, bytes: 2 },
    { key: { base64: '/w==' }, version: 5, bytes: 2 },
  ])
  const named = (await keys('--prefix', 'a')).map(({ key }) => key)
  t.same(named.sort(), ['a', 'ab', 'ac'])
  t.equal((await keys('--limit', '2')).length, 2)
  t.equal((await keys('--limit', '0')).length, 0)
  t.equal((await keys('--prefix', '/w==', '--base64')).length, 1)
  t.same((await cairn('map', 'ls', map, '--prefix', 'b')).text, 'b\n')
  t.same(await contents(map), before, 'reading changes nothing')
})

t.test('deleting an absent key is fine', async (t) => {
  const map = join(await temporary(t), 'map')
  await cairn('map', 'set', map, 'a', 'one')
  const del = async () => documents(await cairn('map', 'del', map, 'a', '--json'))
  t.same(await del(), [{ key: 'a', deleted: true }])
  t.same(await del(), [{ key: 'a', deleted: false }])
  t.equal((await cairn('map', 'ls', map)).text, '')
})

eachPlane(t, 'snapshots are written and listed', async (t) => {
  const map = await filled(t)
  const full = await cairn('map', 'snapshot', map, '--json')
  t.equal(full.code, 0, full.errors)
  t.match(documents(full), [{ number: 1, kind: 'full', entries: 100, position: 300 }])
  await cairn('map', 'set', map, 'key 1', 'new')
  await cairn('map', 'del', map, 'key 2')
  const more = await cairn('map', 'snapshot', map, '--incremental')
  t.equal(more.code, 0, more.errors)
  t.match(more.text, /^snapshot 2, incremental: 2 entries, .*, up to sequence 302\n/)
  const before = await contents(map)
  const listed = documents(await cairn('map', 'snapshots', map, '--json'))
  t.match(listed, [
    { number: 1, kind: 'full', file: 'snapshots/00000001.snapshot' },
    { number: 2, kind: 'incremental', base: 1, entries: 2 },
  ])
  t.match((await cairn('map', 'snapshots', map)).text, /incremental, on 1/)
  t.same(await contents(map), before, 'reading changes nothing')
  t.equal((await cairn('map', 'get', map, 'key 1')).text, 'new')
  t.equal((await cairn('map', 'verify', map)).code, 0)
})

t.test('compacting gives back space and keeps every entry', async (t) => {
  const map = await filled(t)
  const values = async () => (await cairn('map', 'ls', map)).text.split('\n').sort()
  const before = await values()
  const ended = await cairn('map', 'compact', map, '--json')
  t.equal(ended.code, 0, ended.errors)
  const [{ bytesBefore, bytesAfter }] = documents(ended) as [Record<string, number>]
  t.ok(bytesAfter! < bytesBefore!, `${bytesAfter} of ${bytesBefore}`)
  t.same(await values(), before)
  for (const at of [0, 99])
    t.equal((await cairn('map', 'get', map, `key ${at}`)).text, `value ${at}.3`)
  t.match((await cairn('map', 'compact', map)).text, /^\S+ \S+ before, \S+ \S+ after\n/)
  t.equal((await cairn('map', 'verify', map)).code, 0)
})

for (const command of ['snapshot', 'compact'])
  eachPlane(t, `an interrupted ${command} ends, or is as if it had not begun`, async (t) => {
    const map = await filled(t)
    const values = async () => (await cairn('map', 'ls', map, '--json')).text.split('\n').sort()
    const before = await values()
    // Wherever it is by then.
    for (const turns of [0, 5, 20, 60]) {
      const { interrupt, ended } = interruptible('map', command, map)
      for (let turn = 0; turn < turns; turn++) await nextTurn()
      interrupt()
      const { code, errors } = await ended
      t.ok(code === 0 || code === 130, `exit code ${code}: ${errors}`)
      t.equal(errors, '')
      t.equal((await cairn('map', 'verify', map)).code, 0)
      t.same(await values(), before, `after ${turns} turns`)
    }
  })

t.test('damage is found, named and exit code 1', async (t) => {
  const map = await filled(t)
  t.match(documents(await cairn('map', 'verify', map, '--json')), [{ ok: true, damage: [] }])
  const name = await flipByte(join(map, 'wal'), '.journal')
  const before = await contents(map)
  const ended = await cairn('map', 'verify', map, '--json')
  t.equal(ended.code, 1)
  t.match(documents(ended), [{ ok: false, damage: [{ file: `wal/${name}` }] }])
  const commands = [['get', 'key 1'], ['ls'], ['set', 'a', 'b'], ['snapshot'], ['compact']] as const
  for (const [command, ...rest] of commands) {
    const refused = await cairn('map', command, map, ...rest)
    t.equal(refused.code, 1, command)
    t.match(refused.errors, new RegExp(`wal/${name} .*\\(CAIRN_CORRUPTION\\)\n.*salvage`))
  }
  t.same(await contents(map), before, 'nothing was changed')
})

t.test('an encrypted map is made and read with its key', async (t) => {
  const folder = await temporary(t)
  const map = join(folder, 'map')
  const key = join(folder, 'key')
  await writeFile(key, 'ab'.repeat(32))
  const stored = await cairn('map', 'set', map, 'a', 'canary value', '--key-file', key)
  t.equal(stored.code, 0, stored.errors)
  t.equal((await cairn('map', 'get', map, 'a', '--key-file', key)).text, 'canary value')
  for (const [path, text] of await contents(map)) t.notOk(text.includes('canary'), path)
  const before = await contents(map)
  for (const words of [
    ['get', map, 'a'],
    ['set', map, 'a', 'b'],
    ['ls', map],
  ]) {
    const { code, text, errors } = await cairn('map', ...words)
    t.equal(code, 1)
    t.equal(text, '')
    t.match(errors, /\(CAIRN_WRONG_KEY\)/)
  }
  t.same(await contents(map), before)
})

t.test('wrong usage, directories that are not there, and other stores', async (t) => {
  const folder = await temporary(t)
  const absent = join(folder, 'absent')
  for (const words of [
    [],
    ['nothing', absent],
    ['get', absent],
    ['set', absent],
    ['get', absent, '???', '--base64'],
    ['ls', absent, '--limit', 'many'],
    ['ls', absent, '--prefix', '???', '--base64'],
    ['snapshot', absent, '--full'],
  ]) {
    const { code, text } = await cairn('map', ...words)
    t.equal(code, 2, words.join(' '))
    t.equal(text, '')
  }
  await mkdir(join(folder, 'empty'))
  await cairn('put', join(folder, 'store'), 'key', 'value')
  const before = await contents(folder)
  const commands = [
    ['get', 'key'],
    ['del', 'key'],
    ['ls'],
    ['snapshot'],
    ['snapshots'],
    ['verify'],
    ['compact'],
  ] as const
  const places = [
    ['store', 'CAIRN_FORMAT_VERSION'],
    ['absent', 'CAIRN_MISSING'],
    ['empty', 'CAIRN_MISSING'],
  ] as const
  await refuses(t, 'map', folder, commands, places, 1)
  t.same(await contents(folder), before, 'nothing was changed or created')
  const refused = await cairn('map', 'set', join(folder, 'store'), 'key', 'other')
  t.match(refused.errors, /\(CAIRN_FORMAT_VERSION\)/)
  await cairn('map', 'set', join(folder, 'map'), 'key', 'value')
  t.match((await cairn('get', join(folder, 'map'), 'key')).errors, /\(CAIRN_FORMAT_VERSION\)/)
  t.same(
    await contents(join(folder, 'store')),
    new Map([...before].filter(([path]) => path.includes('/store/'))),
  )
})
