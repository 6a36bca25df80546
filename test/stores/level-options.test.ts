/**
 * Options of CairnLevel: each one is checked before anything is touched, and says what is wrong.
 */
import { existsSync } from 'node:fs'
import t from 'tap'
import { CairnLevel } from '../../lib/index.js'
import type { DatabaseOptions } from '../../lib/index.js'
import { freshPath } from '../support/directory.js'
import { eachPlane } from '../support/planes.js'

const WRONG_TYPES: Record<string, unknown[]> = {
  createIfMissing: ['yes', 1, null],
  errorIfExists: [0, {}],
  readOnly: ['true'],
  compression: ['snappy', null],
  multithreading: [1],
  infoLog: ['file', 3],
  lockTimeoutMs: ['1', true],
  cacheSize: ['8 MB', null, {}],
  writeBufferSize: ['4096', []],
  blockSize: [true],
  maxOpenFiles: ['many'],
  blockRestartInterval: [10n],
  maxFileSize: [null],
  filterBits: ['10'],
  plane: [7, null],
  recovery: [false],
  onDrop: ['log', 1],
  storage: [5, null, {}, { lock: true }],
}

const WRONG_VALUES: Record<string, unknown[]> = {
  lockTimeoutMs: [-1, 0.5, Infinity, NaN],
  cacheSize: [-1, 1.5, NaN, Infinity],
  writeBufferSize: [0, -4096, 2 ** 31, NaN],
  blockSize: [0, 2 ** 23],
  maxOpenFiles: [0, -1],
  blockRestartInterval: [0, 1.2],
  maxFileSize: [0],
  filterBits: [-1, 65, 9.5],
  plane: ['C++', ''],
  recovery: ['best'],
  storage: ['cloud'],
}

function wrong(): [name: string, value: unknown, kind: typeof TypeError | typeof RangeError][] {
  return [
    ...Object.entries(WRONG_TYPES).flatMap(([name, values]) =>
      values.map((value) => [name, value, TypeError] as [string, unknown, typeof TypeError]),
    ),
    ...Object.entries(WRONG_VALUES).flatMap(([name, values]) =>
      values.map((value) => [name, value, RangeError] as [string, unknown, typeof RangeError]),
    ),
  ]
}

eachPlane(t, 'the constructor refuses wrong options and touches nothing', (t) => {
  for (const [name, value, Kind] of wrong()) {
    const path = freshPath()
    const options = { [name]: value } as DatabaseOptions<string, string>
    try {
      new CairnLevel(path, options)
      t.fail(`${name}: ${String(value)} is taken`)
    } catch (error) {
      t.ok(error instanceof Kind, `${name}: ${Kind.name}`)
      t.match((error as Error).message, `'${name}'`, 'names the option')
      t.match((error as Error).message, /must be .*, got /, 'says what is allowed and what came')
    }
    t.notOk(existsSync(path), 'no directory')
  }
  t.end()
})

eachPlane(t, 'open() refuses them too, and so does what waited for it', async (t) => {
  for (const [name, value, Kind] of wrong()) {
    const path = freshPath()
    const db = new CairnLevel(path)
    const waiting = db.get('a')
    const settled = t.rejects(waiting, { code: 'LEVEL_DATABASE_NOT_OPEN' })
    await t.rejects(db.open({ [name]: value }), Kind, name)
    await settled
    t.equal(db.status, 'closed')
    t.notOk(existsSync(path), 'no directory')
  }
  const path = freshPath()
  const db = new CairnLevel(path)
  await t.rejects(db.open({ cacheSize: -1 }), RangeError)
  await db.open()
  await db.put('a', '1')
  t.equal(await db.get('a'), '1', 'can be opened with right options then')
  await t.rejects(db.open({ cacheSize: -1 }), RangeError, 'refused when it is open already')
  t.equal(db.status, 'open')
  await db.close()
})

eachPlane(t, 'the location is a non-empty string', async (t) => {
  for (const location of ['', undefined, null, 5, {}, 'a\0b'] as string[]) {
    t.throws(() => new CairnLevel(location), TypeError)
    await t.rejects(CairnLevel.repair(location), TypeError)
    await t.rejects(CairnLevel.destroy(location), TypeError)
  }
  const path = freshPath()
  const db = new CairnLevel(path)
  t.equal(db.location, path)
  await db.close()
  t.notOk(existsSync(path), 'closed before it opened')
})

eachPlane(t, 'multithreading is not supported, and says so', async (t) => {
  const path = freshPath()
  const db = new CairnLevel(path, { multithreading: true })
  const waiting = t.rejects(db.put('a', '1'), { code: 'LEVEL_DATABASE_NOT_OPEN' })
  await t.rejects(db.open(), { code: 'LEVEL_NOT_SUPPORTED', message: /multithreading/ })
  await waiting
  t.notOk(existsSync(path))
  const other = new CairnLevel(path, { multithreading: false })
  await t.rejects(other.open({ multithreading: true }), { code: 'LEVEL_NOT_SUPPORTED' })
  await other.open()
  await other.close()
})

eachPlane(t, 'names that nobody knows pass through', async (t) => {
  const options = { createIfMissing: true, surprise: 'yes' }
  const db = new CairnLevel(freshPath(), options)
  let seen: unknown
  db.hooks.postopen.add((given) => {
    seen = (given as { surprise?: string }).surprise
    return Promise.resolve()
  })
  await db.open()
  t.equal(seen, 'yes')
  await db.put('a', '1', { ttl: 5 } as object)
  t.equal(await db.get('a', { ttl: 5 } as object), '1')
  await db.close()
})

eachPlane(t, 'every option does its work or at least no harm', async (t, plane) => {
  const lines: string[] = []
  const db = new CairnLevel(freshPath(), {
    compression: false,
    cacheSize: 0,
    writeBufferSize: 1,
    blockSize: 1,
    maxOpenFiles: 1,
    blockRestartInterval: 1,
    maxFileSize: 1,
    filterBits: 0,
    lockTimeoutMs: 10,
    recovery: 'prefix',
    plane,
    infoLog: (line) => lines.push(line),
    onDrop: () => undefined,
  })
  for (let i = 0; i < 50; i++) await db.put(`key ${i % 20}`, `value ${i}`)
  await db.compactRange(null, null)
  const keys = await db.keys().all()
  t.equal(keys.length, 20)
  for (const key of keys) {
    const i = Number(key.slice(4))
    t.equal(await db.get(key), `value ${i < 10 ? 40 + i : 20 + i}`)
  }
  t.equal(db.plane.name, plane)
  t.ok(lines.length > 0, 'the LOG goes to the function')
  t.notOk(existsSync(`${db.location}/LOG`))
  await db.close()
})
