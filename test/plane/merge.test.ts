/** What a merge promises beyond its entries: files, their cuts, aborts, failures, same bytes. */
import t from 'tap'
import type { Storage } from '../../lib/io/files.js'
import { memoryStorage } from '../../lib/io/memory.js'
import type { MemoryStorage } from '../../lib/io/memory.js'
import type { TableMeta } from '../../lib/format/edit.js'
import { userKey } from '../../lib/format/key.js'
import { tableName } from '../../lib/format/names.js'
import type { DataPlane, MergeJob, Run } from '../../lib/plane.js'
import { typescriptPlane } from '../../lib/planes/typescript.js'
import { TableFiles } from '../../lib/table/files.js'
import { TypescriptTable } from '../../lib/table/reader.js'
import {
  TINY_TABLES,
  applyVersions,
  compareVersions,
  cutVersions,
  flipBit,
  randomVersions,
  show,
  versionAt,
  writeTable,
} from '../support/entries.js'
import type { Version } from '../support/entries.js'
import { random } from '../support/random.js'
import { faultyStorage } from '../support/faulty.js'
import { eachPlane, makePlane } from '../support/planes.js'
import type { Bench } from '../support/planes.js'

const NEVER = new AbortController().signal
const OPTIONS = { cacheBytes: 1 << 16, maxOpenTables: 20 }

interface MemoryBench extends Bench {
  storage: MemoryStorage
}

/** On memory, whose operations can be watched and made to fail. */
async function memoryBench(): Promise<MemoryBench> {
  const storage = memoryStorage()
  await storage.createDirectory()
  return { storage, plane: typescriptPlane({ storage, ...OPTIONS }) }
}

function job(inputs: readonly Run[], changes: Partial<MergeJob> = {}): MergeJob {
  return {
    inputs,
    snapshots: [1e9],
    outputs: Array.from({ length: 100 }, (_, i) => 100 + i),
    table: TINY_TABLES,
    maxTableBytes: 2000,
    deeper: [],
    grandparents: [],
    maxGrandparentBytes: Infinity,
    ...changes,
  }
}

function memtableRun(plane: DataPlane, versions: Version[]): Run {
  const memtable = plane.createMemtable()
  applyVersions(memtable, versions, random(1))
  return [memtable]
}

function puts(count: number, width = 5): Version[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(`key${String(i).padStart(width, '0')}`),
    sequence: i + 1,
    type: 1,
    value: Buffer.from(`value ${i}`),
  }))
}

async function tablesOf(storage: Storage): Promise<string[]> {
  return (await storage.list('table')).map(({ name }) => name).sort()
}

async function contents(storage: Storage, metas: readonly TableMeta[]): Promise<string> {
  let all = ''
  for (const meta of metas) {
    const file = await storage.open(tableName(meta.number))
    const bytes = Buffer.alloc(file.size())
    await file.read(bytes, 0)
    await file.close()
    all += `${meta.number}:${bytes.toString('hex')}\n`
  }
  return all
}

eachPlane(t, 'the same job writes the same bytes', async (t, name) => {
  const made: string[] = []
  for (let round = 0; round < 2; round++) {
    const { storage, plane } = await makePlane(t, name, OPTIONS)
    const next = random(11)
    const versions = randomVersions(next, 1, 3000)
    const pieces = cutVersions(versions.slice(0, 1500).sort(compareVersions), next)
    const run = []
    for (const [i, piece] of pieces.entries())
      run.push(plane.openTable(await writeTable(storage, i + 1, piece)))
    const newer = memtableRun(plane, versions.slice(1500))
    const inputs = [newer, run]
    const metas = await plane.merge(job(inputs, { snapshots: [500, 1000, 3000] }), NEVER)
    t.ok(metas.length > 3)
    made.push(await contents(storage, metas))
    await plane.close()
  }
  t.equal(made[0], made[1])
})

t.test('outputs: reserved numbers in order, the last takes what is left', async (t) => {
  const { storage, plane } = await memoryBench()
  const run = memtableRun(plane, puts(1000))
  const metas = await plane.merge(job([run], { outputs: [7, 9, 12] }), NEVER)
  t.same(
    metas.map(({ number }) => number),
    [7, 9, 12],
  )
  t.equal(
    metas.reduce((sum, meta) => sum + meta.properties!.entries, 0),
    1000,
  )
  t.ok(metas[0]!.sizeBytes < 4000 && metas[2]!.sizeBytes > 10000)
  t.same(await tablesOf(storage), ['000007.ldb', '000009.ldb', '000012.ldb'])
  const lost = storage.crashClone(0)
  t.same(await tablesOf(lost), [], 'the directory is synced by control, not here')
  await storage.syncDirectory()
  t.equal(await contents(storage.crashClone(0), metas), await contents(storage, metas), 'synced')
})

t.test('however many tables there are, all are synced', async (t) => {
  const { plane, storage } = await memoryBench()
  const metas = await plane.merge(job([memtableRun(plane, puts(3000))]), NEVER)
  t.ok(metas.length > 40, `${metas.length} tables`)
  await storage.syncDirectory()
  t.equal(await contents(storage.crashClone(0), metas), await contents(storage, metas))
  await plane.close()
})

t.test('a sync that fails fails the merge, and leaves no table', async (t) => {
  const storage = faultyStorage((await memoryBench()).storage)
  const plane = typescriptPlane({ storage, ...OPTIONS })
  const run = memtableRun(plane, puts(3000))
  const tables = (await plane.merge(job([run]), NEVER)).length
  for (const nth of [1, 2, 17, tables]) {
    for (const [error, code] of [
      ['EIO', 'CAIRN_IO'],
      ['ENOSPC', 'CAIRN_NO_SPACE'],
    ] as const) {
      for (const name of await tablesOf(storage)) await storage.remove(name)
      storage.rule = { operation: 'sync', nth, error }
      await t.rejects(plane.merge(job([run]), NEVER), { code }, `the ${nth}. of ${tables}`)
      t.same(await tablesOf(storage), [])
    }
  }
  t.equal(storage.calls.close, storage.calls.create)
  await plane.close()
})

eachPlane(t, 'no output when nothing is left', async (t, name) => {
  const { storage, plane } = await makePlane(t, name, OPTIONS)
  const deletions = puts(50).map((version) => ({ ...version, type: 0, value: Buffer.alloc(0) }))
  t.same(await plane.merge(job([memtableRun(plane, deletions)]), NEVER), [])
  t.same(await plane.merge(job([]), NEVER), [])
  t.same(await plane.merge(job([[], memtableRun(plane, [])]), NEVER), [])
  t.same(await tablesOf(storage), [])
})

eachPlane(t, 'deletions go only where they hide nothing', async (t, name) => {
  const { storage, plane } = await makePlane(t, name, OPTIONS)
  const versions: Version[] = ['a', 'b', 'c', 'd', 'e'].map((key, i) => ({
    key: Buffer.from(key),
    sequence: i + 1,
    type: 0,
    value: Buffer.alloc(0),
  }))
  const range = (smallest: string, largest: string) => ({
    smallest: Buffer.from(smallest),
    largest: Buffer.from(largest),
  })
  const cases: [Partial<MergeJob>, string][] = [
    [{}, ''],
    [{ snapshots: [3, 9] }, 'd@4x e@5x'],
    [{ snapshots: [0, 9] }, 'a@1x b@2x c@3x d@4x e@5x'],
    [{ snapshots: [] }, 'a@1x b@2x c@3x d@4x e@5x'],
    [{ deeper: [[range('b', 'c')], []] }, 'b@2x c@3x'],
    [
      { deeper: [[range('A', 'Z'), range('aa', 'az'), range('d', 'd')], [range('b', 'b')]] },
      'b@2x d@4x',
    ],
    [{ deeper: [[], [range('', 'zz')]] }, 'a@1x b@2x c@3x d@4x e@5x'],
  ]
  for (const [i, [changes, expected]] of cases.entries()) {
    const outputs = [1000 + i]
    const run = memtableRun(plane, versions)
    const metas = await plane.merge(job([run], { ...changes, outputs }), NEVER)
    const got: Version[] = []
    for (const meta of metas) got.push(...(await read(storage, meta)))
    t.equal(show(got).join(' '), expected, `case ${i}`)
  }
  t.equal((await tablesOf(storage)).length, 6)
})

/** Every version in a table, which the seam does not show. */
async function read(storage: Storage, meta: TableMeta): Promise<Version[]> {
  const files = new TableFiles(storage, 0, 1)
  const cursor = new TypescriptTable(files, meta).cursor(true)
  const versions: Version[] = []
  while (!cursor.first()) await cursor.load()
  while (cursor.valid) {
    versions.push(versionAt(cursor))
    while (!cursor.next()) await cursor.load()
  }
  cursor.close()
  await files.close()
  return versions
}

eachPlane(
  t,
  'versions of a key stay in one table, above the last snapshot all of them',
  async (t, name) => {
    const { plane } = await makePlane(t, name, OPTIONS)
    const versions = Array.from({ length: 900 }, (_, i) => ({
      key: Buffer.from(`key${Math.floor(i / 300)}`),
      sequence: i + 1,
      type: 1,
      value: Buffer.from(`value ${i}`),
    }))
    const metas = await plane.merge(
      job([memtableRun(plane, versions)], { snapshots: [0], maxTableBytes: 1 }),
      NEVER,
    )
    t.same(
      metas.map((meta) => [
        Buffer.from(userKey(meta.smallest)).toString(),
        meta.properties!.entries,
      ]),
      [
        ['key0', 300],
        ['key1', 300],
        ['key2', 300],
      ],
    )
  },
)

eachPlane(t, 'an entry that two sources have is written once', async (t, name) => {
  const { plane } = await makePlane(t, name, OPTIONS)
  const versions = puts(20)
  const inputs = [memtableRun(plane, versions), memtableRun(plane, versions)]
  const metas = await plane.merge(job(inputs, { snapshots: [] }), NEVER)
  t.equal(
    metas.reduce((sum, meta) => sum + meta.properties!.entries, 0),
    20,
  )
})

eachPlane(t, 'grandparents cut tables', async (t, name) => {
  const { plane } = await makePlane(t, name, OPTIONS)
  const grandparents = puts(100, 5)
    .filter((_, i) => i % 10 === 0)
    .map(({ key }) => ({ smallest: key, largest: key, sizeBytes: 100 }))
  const metas = await plane.merge(
    job([memtableRun(plane, puts(100))], {
      grandparents,
      maxGrandparentBytes: 250,
      maxTableBytes: 1e9,
    }),
    NEVER,
  )
  t.same(
    metas.map((meta) => Buffer.from(userKey(meta.smallest)).toString()),
    ['key00000', 'key00021', 'key00051', 'key00081'],
  )
})

eachPlane(t, 'an abort rejects and leaves nothing behind', async (t, name) => {
  const { storage, plane } = await makePlane(t, name, OPTIONS)
  const run = memtableRun(plane, puts(3000))
  const before = AbortSignal.abort(new Error('enough'))
  await t.rejects(plane.merge(job([run]), before), { code: 'CAIRN_ABORTED' })
  for (const calls of [1, 2, 5, 20]) {
    const controller = new AbortController()
    let left = calls
    const progress = (): void => {
      if (--left === 0) controller.abort()
    }
    const merged = plane.merge(job([run], { progress }), controller.signal)
    const code = await merged.then(
      () => 'ended',
      (error: unknown) => (error as { code?: string }).code,
    )
    // A merge on a thread of its own may have ended before it hears of the abort.
    const late = name === 'native' && code === 'ended'
    if (late) for (const table of await tablesOf(storage)) await storage.remove(table)
    else t.equal(code, 'CAIRN_ABORTED', `after ${calls} calls`)
    t.same(await tablesOf(storage), [], `after ${calls} calls`)
  }
  t.ok((await plane.merge(job([run]), NEVER)).length > 1, 'the numbers can be used again')
})

t.test('any failed operation rejects with its error and leaves nothing behind', async (t) => {
  const { storage, plane } = await memoryBench()
  const run = memtableRun(plane, puts(600))
  const start = storage.operations
  await plane.merge(job([run]), NEVER)
  const steps = storage.operations - start
  t.ok(steps > 10)
  for (const name of await tablesOf(storage)) await storage.remove(name)
  for (let step = 1; step <= steps; step++) {
    const fatal = storage.operations + step
    storage.onOperation = (n) => {
      if (n === fatal) throw Object.assign(new Error('EIO: broken'), { code: 'EIO' })
    }
    await t.rejects(plane.merge(job([run]), NEVER), /broken/, `step ${step}`)
    storage.onOperation = undefined
    t.same(await tablesOf(storage), [], `nothing behind step ${step}`)
  }
})

eachPlane(t, 'damage in an input stops the merge', async (t, name) => {
  const { storage, plane } = await makePlane(t, name, OPTIONS)
  const meta = await writeTable(storage, 1, puts(500))
  await flipBit(storage, '000001.ldb', 3000)
  await t.rejects(plane.merge(job([[plane.openTable(meta)]]), NEVER), { code: 'CAIRN_CORRUPTION' })
  t.same(await tablesOf(storage), ['000001.ldb'])
})

eachPlane(t, 'sources that are not in order are refused, not written', async (t, name) => {
  const { storage, plane } = await makePlane(t, name, OPTIONS)
  const versions = puts(40)
  const left = plane.openTable(await writeTable(storage, 1, versions.slice(0, 20)))
  const right = plane.openTable(await writeTable(storage, 2, versions.slice(20)))
  await t.rejects(plane.merge(job([[right, left]]), NEVER), { code: 'CAIRN_CORRUPTION' })
  t.same(await tablesOf(storage), ['000001.ldb', '000002.ldb'])
})

eachPlane(t, 'jobs that make no sense are RangeErrors', async (t, name) => {
  const { plane } = await makePlane(t, name, OPTIONS)
  const run = memtableRun(plane, puts(3))
  const range = { smallest: Buffer.from('b'), largest: Buffer.from('c'), sizeBytes: 1 }
  const before = { smallest: Buffer.from('a'), largest: Buffer.from('a'), sizeBytes: 1 }
  await t.rejects(plane.merge(job([run], { outputs: [] }), NEVER), RangeError)
  await t.rejects(plane.merge(job([run], { snapshots: [3, 2] }), NEVER), RangeError)
  await t.rejects(plane.merge(job([run], { deeper: [[range, before]] }), NEVER), RangeError)
  await t.rejects(plane.merge(job([run], { grandparents: [range, before] }), NEVER), RangeError)
})

eachPlane(t, 'a merge lets others run, and tells its progress', async (t, name) => {
  const { plane } = await makePlane(t, name, OPTIONS)
  const versions = puts(60000)
  const run = memtableRun(plane, versions)
  let turns = 0
  let running = true
  const turn = (): void => {
    turns++
    if (running) setImmediate(turn)
  }
  turn()
  let written = 0
  const progress = (_: number, bytesWritten: number): void => {
    if (bytesWritten < written) t.fail('progress goes back')
    written = bytesWritten
  }
  const table = { ...TINY_TABLES, blockSizeBytes: 4096, restartInterval: 16 }
  const metas = await plane.merge(job([run], { table, maxTableBytes: 1e9, progress }), NEVER)
  running = false
  t.equal(metas.length, 1)
  t.ok(written > 1000000)
  t.ok(turns > 1)
})
