/**
 * cairn journal: ls, dump, verify and trim; plain and encrypted, sound, damaged and not there.
 *
 * Planes differ behind the stores: what is about the command runs on the one that it chooses.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Journal, type JournalOptions, type SegmentInfo } from '../../lib/index.js'
import { cairn, documents, start, temporary } from './command.js'
import { contents, flipByte, refuses } from './specimen.js'
import { eachPlane } from '../support/planes.js'

// Slow machines may take their time.
t.setTimeout(600_000)

const RECORDS = 40
const KEY = Buffer.alloc(32, 7)

type Test = Parameters<typeof temporary>[0]

/** A journal of 40 records in four segments; record 3 is not UTF-8, record 4 empty. */
async function filled(t: Test, options: JournalOptions = {}): Promise<string> {
  const directory = join(await temporary(t), 'journal')
  const journal = await Journal.open(directory, { segmentRecords: 10, ...options })
  for (let at = 1; at <= RECORDS; at++) {
    const payload = at === 3 ? Buffer.of(255, 0) : at === 4 ? '' : `record ${at}`
    await journal.append(payload)
  }
  await journal.close()
  return directory
}

t.test('ls tells the segments', async (t) => {
  const journal = await filled(t)
  const before = await contents(journal)
  const ended = await cairn('journal', 'ls', journal, '--json')
  t.equal(ended.code, 0, ended.errors)
  const segments = documents(ended) as SegmentInfo[]
  t.same(
    segments.map(({ firstSequence, lastSequence }) => [firstSequence, lastSequence]),
    [
      [1, 10],
      [11, 20],
      [21, 30],
      [31, 40],
    ],
  )
  t.match(segments[0], { file: '00000001.journal', records: 10, sealed: true, encrypted: false })
  const age = Date.now() - segments[0]!.createdAt
  t.ok(age >= 0 && age < 600_000, 'times are milliseconds')
  const table = (await cairn('journal', 'ls', journal)).text
  t.match(table, /00000004\.journal.* 31 .* 40 .* 10 .*sealed.*plain/)
  t.same(await contents(journal), before, 'reading changes nothing')
})

eachPlane(t, 'dump prints records as JSON lines', async (t) => {
  const journal = await filled(t)
  const before = await contents(journal)
  const rows = documents(await cairn('journal', 'dump', journal)) as {
    sequence: number
    time: number
    payload: unknown
  }[]
  t.same(
    rows.map(({ sequence }) => sequence),
    Array.from({ length: RECORDS }, (_, at) => at + 1),
  )
  t.same(rows[2]!.payload, { base64: '/wA=' })
  t.equal(rows[3]!.payload, '')
  t.equal(rows[39]!.payload, 'record 40')
  const ago = Date.now() - rows[0]!.time / 1000
  t.ok(ago >= 0 && ago < 600_000, 'times are microseconds')
  const some = documents(await cairn('journal', 'dump', journal, '--from', '9', '--to', '11'))
  t.match(some, [{ sequence: 9 }, { sequence: 10 }, { sequence: 11 }])
  t.same(await contents(journal), before)
})

t.test('trim deletes whole segments and tells what is left', async (t) => {
  const journal = await filled(t)
  const ended = await cairn('journal', 'trim', journal, '--before', '25', '--json')
  t.equal(ended.code, 0, ended.errors)
  t.same(documents(ended), [{ segmentsDeleted: 2, firstSequence: 21 }])
  const rows = documents(await cairn('journal', 'dump', journal))
  t.equal(rows.length, 20)
  t.match(rows[0], { sequence: 21 })
  const again = await cairn('journal', 'trim', journal, '--before', '25')
  t.equal(again.text, 'deleted 0 segments; the first sequence is 21\n')
  const missing = await cairn('journal', 'dump', journal, '--from', '1')
  t.equal(missing.code, 1)
  t.match(missing.errors, /\(CAIRN_MISSING\)/)
  t.equal((await cairn('journal', 'verify', journal)).code, 0)
})

t.test('damage is found, named and exit code 1', async (t) => {
  const journal = await filled(t)
  const sound = await cairn('journal', 'verify', journal, '--json')
  t.match(documents(sound), [{ ok: true, records: RECORDS, damage: [] }])
  t.match((await cairn('journal', 'verify', journal)).text, /^all is well: 40 records in /)
  const name = await flipByte(journal, '.journal')
  const before = await contents(journal)
  const ended = await cairn('journal', 'verify', journal, '--json')
  t.equal(ended.code, 1)
  t.match(documents(ended), [{ ok: false, damage: [{ file: name }] }])
  for (const words of [['verify'], ['ls'], ['dump'], ['trim', '--before', '99']] as const) {
    const [command, ...rest] = words
    const refused = await cairn('journal', command, journal, ...rest)
    t.equal(refused.code, 1, command)
    t.match(refused.errors, new RegExp(`^cairn: .*${name}.*\\(CAIRN_CORRUPTION\\)\\n.*salvage`))
  }
  t.same(await contents(journal), before, 'nothing was changed')
})

t.test('an encrypted journal wants its key, from a file', async (t) => {
  const journal = await filled(t, { key: KEY })
  const plain = await filled(t)
  const folder = await temporary(t)
  const file = async (name: string, bytes: string | Buffer): Promise<string> => {
    await writeFile(join(folder, name), bytes)
    return join(folder, name)
  }
  const raw = await file('raw', KEY)
  const hex = await file('hex', `${KEY.toString('hex').toUpperCase()}\n`)
  const other = await file('other', Buffer.alloc(32, 8))
  const dump = (...words: string[]) => cairn('journal', 'dump', ...words)
  for (const key of [raw, hex]) {
    const ended = await dump(journal, '--key-file', key, '--to', '1')
    t.match(documents(ended), [{ sequence: 1, payload: 'record 1' }], ended.errors)
  }
  const before = await contents(journal)
  const refusals = [
    await dump(journal),
    await dump(journal, '--key-file', other),
    await dump(plain, '--key-file', raw),
  ]
  for (const { code, text, errors } of refusals) {
    t.equal(code, 1)
    t.equal(text, '')
    t.match(errors, /\(CAIRN_WRONG_KEY\)\n {2}.*--key-file/)
  }
  t.equal(new Set(refusals.map(({ errors }) => errors)).size, 3, 'each says what is wrong')
  t.same(await contents(journal), before, 'nothing was changed')
})

t.test('a passphrase is a file without its last line end', async (t) => {
  const passphrase = 'eight or more'
  const journal = await filled(t, { passphrase })
  const file = join(await temporary(t), 'passphrase')
  await writeFile(file, `${passphrase}\n`)
  const ended = await cairn('journal', 'verify', journal, '--passphrase-file', file, '--json')
  t.equal(ended.code, 0, ended.errors)
  t.match(documents(ended), [{ ok: true, records: RECORDS }])
})

t.test('secrets that can be none are wrong usage', async (t) => {
  const journal = await filled(t)
  const folder = await temporary(t)
  const file = async (name: string, bytes: string | Buffer): Promise<string> => {
    await writeFile(join(folder, name), bytes)
    return join(folder, name)
  }
  const short = await file('short', Buffer.alloc(31))
  const digits = await file('digits', `${'0'.repeat(63)}g`)
  const latin = await file('latin', Buffer.alloc(20, 0xff))
  const huge = await file('huge', 'x'.repeat(100_000))
  const key = await file('key', KEY)
  for (const words of [
    ['--key-file', short],
    ['--key-file', digits],
    ['--key-file', huge],
    ['--passphrase-file', latin],
    ['--key-file', key, '--passphrase-file', key],
  ]) {
    const { code, errors } = await cairn('journal', 'ls', journal, ...words)
    t.equal(code, 2, words.join(' '))
    t.match(errors, /^cairn: .* \(USAGE\)\n/)
    t.notMatch(errors, '0000000', 'and not told')
  }
  const absent = await cairn('journal', 'ls', journal, '--key-file', join(folder, 'absent'))
  t.equal(absent.code, 1)
  t.match(absent.errors, /\(ENOENT\)/)
})

t.test('wrong usage, directories that are not there, and other stores', async (t) => {
  const folder = await temporary(t)
  const absent = join(folder, 'absent')
  for (const words of [
    [],
    ['nothing', absent],
    ['ls'],
    ['ls', absent, 'more'],
    ['trim', absent],
    ['trim', absent, '--before', '0'],
    ['dump', absent, '--from', 'first'],
    ['dump', absent, '--to', '-1'],
  ]) {
    const { code, text } = await cairn('journal', ...words)
    t.equal(code, 2, words.join(' '))
    t.equal(text, '')
  }
  const file = join(folder, 'file')
  await writeFile(file, 'not a directory')
  await mkdir(join(folder, 'empty'))
  await cairn('put', join(folder, 'store'), 'key', 'value')
  await cairn('map', 'set', join(folder, 'map'), 'key', 'value')
  const before = await contents(folder)
  const commands = [['ls'], ['dump'], ['verify'], ['trim', '--before', '9']] as const
  const places = [
    ['absent', 'CAIRN_MISSING'],
    ['map', 'CAIRN_FORMAT_VERSION'],
    ['file', 'CAIRN_MISSING'],
    ['empty', 'CAIRN_MISSING'],
    ['store', 'CAIRN_FORMAT_VERSION'],
  ] as const
  await refuses(t, 'journal', folder, commands, places, 2)
  t.same(await contents(folder), before, 'nothing was changed or created')
  t.same(await readdir(join(folder, 'empty')), [])
})

t.test('a reader that goes away ends a dump quietly', async (t) => {
  const directory = join(await temporary(t), 'journal')
  const journal = await Journal.open(directory, { sync: 'never' })
  // More than every buffer between the two holds.
  for (let at = 0; at < 20; at++) {
    await journal.appendAll(Array.from({ length: 1000 }, () => 'x'.repeat(100)))
  }
  await journal.close()
  const { child, ended } = start('journal', 'dump', directory)
  child.stdout.once('data', () => child.stdout.destroy())
  const { code, errors } = await ended
  t.equal(code, 0)
  t.equal(errors, '')
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  t.test(`${signal} ends a dump with ${code} and leaves the journal sound`, async (t) => {
    const directory = join(await temporary(t), 'journal')
    const journal = await Journal.open(directory, { sync: 'never' })
    for (let at = 0; at < 100; at++) {
      await journal.appendAll(Array.from({ length: 1000 }, () => 'x'.repeat(100)))
    }
    await journal.close()
    const before = await contents(directory)
    const { child, ended } = start('journal', 'dump', directory)
    // It waits for its reader, so that the signal comes in the middle.
    await new Promise((resolve) => child.stdout.once('readable', resolve))
    child.kill(signal)
    child.stdout.resume()
    t.equal((await ended).code, code)
    t.same(await contents(directory), before)
    t.equal((await cairn('journal', 'verify', directory)).code, 0)
  })
}
