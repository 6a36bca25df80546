/**
 * load: formats, keys, wrong lines by number, and going on where it stopped.
 */
import { createHash } from 'node:crypto'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { cairn, cairnWith, documents, temporary } from './command.js'

// Slow machines may take their time.
t.setTimeout(600_000)

interface Row {
  readonly key: string
  readonly value: string
}

async function rows(store: string): Promise<Map<string, string>> {
  const found = documents(await cairn('dump', store)) as Row[]
  return new Map(found.map(({ key, value }) => [key, value]))
}

t.test('JSON lines keep their text, whatever their line ends', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.jsonl')
  const lines = [
    '\ufeff{"id": "a", "big": 12345678901234567890}',
    '{"id":7,"__proto__":{"x":1}}\r',
    '',
    '   {"id":-1.5,"name":"Zürich"}   ',
    '{"id":"last"}',
  ]
  await writeFile(file, lines.join('\n'))
  const ended = await cairn('load', store, file, '--key', 'id', '--json')
  t.equal(ended.code, 0, ended.errors)
  t.match(documents(ended), [{ records: 4, loaded: 4, continuedAt: 0 }])
  t.same(
    [...(await rows(store))],
    [
      ['-1.5', '{"id":-1.5,"name":"Zürich"}'],
      ['7', '{"id":7,"__proto__":{"x":1}}'],
      ['a', '{"id": "a", "big": 12345678901234567890}'],
      ['last', '{"id":"last"}'],
    ],
  )
})

t.test('CSV: quotes, line breaks, a byte order mark, hostile columns', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.csv')
  await writeFile(file, '\ufeffid,__proto__,note\r\n1,x,"a, ""b"""\r\n\r\n2,y,"two\nlines"\r\n')
  const ended = await cairn('load', store, file, '--key', 'id')
  t.equal(ended.code, 0, ended.errors)
  t.match(ended.text, /^loaded 2 records in /)
  t.same(
    [...(await rows(store))],
    [
      ['1', '{"id":"1","__proto__":"x","note":"a, \\"b\\""}'],
      ['2', '{"id":"2","__proto__":"y","note":"two\\nlines"}'],
    ],
  )
})

t.test('TSV takes quotes as they are; key and value columns are a pair', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.tsv')
  await writeFile(file, 'value\tkey\n"one\ta\ntwo"\tb\n')
  t.equal((await cairn('load', store, file)).code, 0)
  t.same(
    [...(await rows(store))],
    [
      ['a', '"one'],
      ['b', 'two"'],
    ],
  )
})

t.test('a wrong line is named, and what stands before it is kept', async (t) => {
  const good = '{"id":"a"}\n{"id":"b"}\n'
  const cases: readonly (readonly [string, string | Buffer, RegExp])[] = [
    ['jsonl', `${good}{"id":\n`, /line 3: is not JSON/],
    ['jsonl', `${good}[1]\n`, /line 3: is not a JSON object/],
    ['jsonl', `${good}\n{"no":1}`, /line 4: has no field 'id'/],
    ['jsonl', `${good}{"id":""}`, /line 3: field 'id' must be/],
    ['jsonl', `${good}{"id":12345678901234567890}`, /line 3: .* too large to be exact/],
    ['jsonl', Buffer.concat([Buffer.from(good), Buffer.from([0xff, 10])]), /line 3: .* not UTF-8/],
    ['jsonl', Buffer.concat([Buffer.from(good), Buffer.from([0xc3])]), /line 3: .* not UTF-8/],
    ['csv', 'id,n\na,1\nb,2\nc\n', /line 4: has 1 fields where the heading has 2/],
    ['csv', 'id,n\na,1\nb,2\n,3\n', /line 4: has an empty key/],
    ['csv', 'id,n\na,1\nb,2\nc,"3\n', /line 4: Quote Not Closed/],
    ['csv', 'id,n\na,1\nb,2\nc,"3"x\n', /line 4: Invalid Closing Quote/],
  ]
  for (const [format, text, message] of cases) {
    const store = join(await temporary(t), 'store')
    const ended = await cairnWith(text, 'load', store, '-', '--key', 'id', '--format', format)
    t.equal(ended.code, 1, String(message))
    t.match(ended.errors, message)
    t.match(ended.errors, /\(BAD_LINE\)/)
    const keys = (await cairn('range', store, '--keys', '--gte', 'a')).text
    t.equal(keys, 'a\nb\n', 'the records before it are there')
  }
})

t.test('a wrong heading is refused', async (t) => {
  const store = join(await temporary(t), 'store')
  const load = (text: string, ...words: string[]) => {
    return cairnWith(text, 'load', store, '-', '--format', 'csv', ...words)
  }
  t.match((await load('a,b\n1,2\n', '--key', 'id')).errors, /line 1: .* no column 'id'/)
  t.match((await load('a,b\n1,2\n')).errors, /line 1: .* no column 'key'/)
  t.match((await load('id,a,a\n1,2,3\n', '--key', 'id')).errors, /line 1: .* names 'a' twice/)
  t.equal((await cairn('count', store)).text, '0\n')
})

for (const format of ['jsonl', 'csv']) {
  t.test(`after a wrong line is mended, ${format} goes on from there`, async (t) => {
    const directory = await temporary(t)
    const store = join(directory, 'store')
    const file = join(directory, `records.${format}`)
    const line = (at: number) => (format === 'csv' ? `${at},"n ${at}"\n` : `{"id":${at}}\n`)
    const heading = format === 'csv' ? 'id,name\n' : ''
    const first = heading + Array.from({ length: 250 }, (_, at) => line(at)).join('')
    const rest = Array.from({ length: 50 }, (_, at) => line(250 + at)).join('')
    const load = () => cairn('load', store, file, '--key', 'id', '--batch', '100', '--json')

    await writeFile(file, `${first}"wrong"\n${rest}`)
    const stopped = await load()
    t.equal(stopped.code, 1)
    t.match(stopped.errors, /250 records are loaded and safe/)
    t.match(stopped.errors, new RegExp(`line ${format === 'csv' ? 252 : 251}: `))
    t.match(documents(await cairn('stats', store, '--json')), [
      { unfinishedLoads: [{ source: file, records: 250 }] },
    ])
    t.equal((await cairn('count', store)).text, '251\n', 'the progress record is in plain sight')

    await writeFile(file, first + rest)
    const ended = await load()
    t.equal(ended.code, 0, ended.errors)
    t.match(ended.errors, /stopped after record 250: going on from there/)
    t.match(documents(ended), [{ records: 300, loaded: 50, continuedAt: 250 }])
    const found = await rows(store)
    t.equal(found.size, 300, 'and gone when the load is complete')
    t.equal(found.get('299'), format === 'csv' ? '{"id":"299","name":"n 299"}' : '{"id":299}')
  })
}

t.test('an input that changed before the mark starts over', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.jsonl')
  const load = (...words: string[]) => cairn('load', store, file, '--key', 'id', '--json', ...words)
  await writeFile(file, '{"id":"a"}\n{"id":"b"}\nwrong\n')
  t.equal((await load()).code, 1)
  await writeFile(file, '{"id":"A"}\n{"id":"b"}\n')
  const changed = await load()
  t.match(changed.errors, /its input has changed since: starting over/)
  t.match(documents(changed), [{ records: 2, loaded: 2, continuedAt: 0 }])

  await writeFile(file, '{"id":"a"}\nwrong\n')
  t.equal((await load()).code, 1)
  await writeFile(file, '{"id":"a"}\n{"id":"c"}\n')
  t.match(documents(await load('--restart')), [{ loaded: 2, continuedAt: 0 }])
  t.same([...(await rows(store)).keys()], ['A', 'a', 'b', 'c'])
})

t.test('a progress record that no load wrote is not followed', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.csv')
  await writeFile(file, 'id,n\na,1\nb,2\n')
  const slot = `!cairn.load!${file}`
  const hash = createHash('sha256').update('id,n\n').digest('hex')
  const position = { format: 'csv', key: 'id', bytes: 5, lines: 1, records: 0 }
  for (const text of [
    '',
    'null',
    '[]',
    '{"bytes":-1}',
    JSON.stringify({ ...position, sha256: hash }),
  ]) {
    await cairn('put', store, slot, '--', text)
    const ended = await cairn('load', store, file, '--key', 'id', '--json')
    t.equal(ended.code, 0, ended.errors)
    t.match(documents(ended), [{ loaded: 2, continuedAt: 0 }])
    t.same([...(await rows(store)).keys()], ['a', 'b'])
  }
})

t.test('an unfinished load from a pipe is continued only by the same bytes', async (t) => {
  const store = join(await temporary(t), 'store')
  const load = (text: string, ...words: string[]) => {
    return cairnWith(text, 'load', store, '-', '--key', 'id', ...words)
  }
  t.equal((await load('{"id":"a"}\nwrong\n')).code, 1)
  const other = await load('{"id":"x"}\n{"id":"b"}\n')
  t.equal(other.code, 1)
  t.match(other.errors, /\(OTHER_INPUT\)\n.*--restart/)
  t.match((await load('{"id":"a"}\n{"id":"b"}\n')).errors, /after record 1: going on/)
  t.same([...(await rows(store)).keys()], ['a', 'b'])
})

t.test('a load that is complete may be repeated, and a grown file too', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.ndjson')
  await writeFile(file, '{"key":"a","value":"1"}\n')
  t.equal((await cairn('load', store, file)).code, 0)
  await appendFile(file, '{"key":"b","value":{"n":2}}\n')
  t.match(documents(await cairn('load', store, file, '--json')), [{ loaded: 2, continuedAt: 0 }])
  t.same(
    [...(await rows(store))],
    [
      ['a', '1'],
      ['b', '{"n":2}'],
    ],
  )
  t.equal((await cairnWith('', 'load', store, '-')).code, 0, 'nothing is fine as well')
})

t.test('characters and lines that lie across chunks are put together', async (t) => {
  const directory = await temporary(t)
  const store = join(directory, 'store')
  const file = join(directory, 'records.jsonl')
  // One line of 600 KiB whose characters take 2, 3 and 4 bytes, so that chunks end inside them.
  const long = 'äß€\u{1f30d}'.repeat(50_000)
  await writeFile(file, `{"key":"long","value":"${long}"}\n{"key":"short","value":"€"}`)
  const ended = await cairn('load', store, file)
  t.equal(ended.code, 0, ended.errors)
  t.equal((await cairn('get', store, 'long')).text, long)
  t.equal((await cairn('get', store, 'short')).text, '€')
})
