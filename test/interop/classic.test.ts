/**
 * LevelDB's directories open here and ours open there, closed or killed, with equal content.
 *
 * The rival is classic-level, which is LevelDB in C++; databases of older C++ LevelDB and of
 * goleveldb lie in test/data. 30 databases each way in full, a tenth by default.
 * Proves that the directory is LevelDB's in both directions.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/index.js'
import { campaign } from '../support/campaign.js'
import { codesOf } from '../support/level.js'
import { Model, difference } from '../support/model.js'
import type { Entry } from '../support/model.js'
import { openEngine, writesOf } from './writer.js'
import type { Engine } from './writer.js'
import { eachPlane, seedsFor } from '../support/planes.js'

const DATABASES = 30
const SPECIMENS = 'test/data/leveldb-files'
const WRITER = fileURLToPath(new URL('./writer.js', import.meta.url))

const OPTIONS: readonly Record<string, unknown>[] = [
  { compression: true, writeBufferSize: 65536, blockSize: 1024 },
  { compression: false, writeBufferSize: 65536, blockSize: 1024, blockRestartInterval: 1 },
  { compression: true },
  { compression: false, writeBufferSize: 131072, maxFileSize: 1 << 20 },
]

async function scratch(t: { teardown(body: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cairn-interop-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Fills a database in a child process, which closes it or is killed with it open. */
async function fill(engine: Engine, directory: string, seed: number, kill: boolean): Promise<void> {
  const options = JSON.stringify(OPTIONS[seed % OPTIONS.length])
  const args = [WRITER, engine, directory, String(seed), kill ? 'kill' : 'close', options]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  await new Promise((resolve) => child.on('close', resolve))
  assert.equal(child.signalCode, kill ? 'SIGKILL' : null, complaint)
  if (!kill) assert.equal(child.exitCode, 0, complaint)
}

/** Opens a directory with an engine, compares everything both ways, and writes one more entry. */
async function compare(
  engine: Engine,
  directory: string,
  seed: number,
  model: Model,
): Promise<void> {
  const settings = { ...OPTIONS[(seed + 1) % OPTIONS.length], createIfMissing: false }
  const db = openEngine(engine, directory, settings) as ClassicLevel<string, string>
  await db.open()
  try {
    const expected = model.entries()
    const found = (await db.iterator().all()) as Entry[]
    const same = JSON.stringify(found) === JSON.stringify(expected)
    assert.ok(same, `${engine}: ${difference(found, expected)}`)
    const backward = await db.iterator({ reverse: true }).all()
    assert.deepEqual(backward.reverse(), expected, `${engine} in reverse`)
    const keys = expected.map(([key]) => key)
    const values = expected.map(([, value]) => value)
    assert.deepEqual(await db.getMany(keys), values, `${engine} by getMany`)
    assert.equal(await db.get('00'.repeat(400)), undefined, `${engine}: absent`)
    const more = {
      type: 'put',
      key: `ee${seed.toString(16).padStart(4, '0')}`,
      value: 'ff00',
    } as const
    await db.put(more.key, more.value)
    model.apply([more])
  } finally {
    await db.close()
  }
}

/** Some journal has zeros behind its records. */
async function endsInZeros(t: Test, store: string): Promise<void> {
  const journals = (await readdir(store)).filter((name) => name.endsWith('.log'))
  const all = await Promise.all(journals.map((name) => readFile(join(store, name))))
  const zeros = all.map((bytes) => bytes.length - 1 - bytes.findLastIndex((byte) => byte !== 0))
  t.ok(
    all.some((bytes, i) => zeros[i]! > 100 && zeros[i]! < bytes.length),
    `zeros behind records: ${zeros.join(' ')}`,
  )
}

for (const [writer, reader] of [
  ['classic', 'cairn'],
  ['cairn', 'classic'],
] as const) {
  for (const kill of [false, true]) {
    eachPlane(
      t,
      `written by ${writer} and ${kill ? 'killed' : 'closed'}, read by ${reader}`,
      async (t, plane) => {
        const directory = await scratch(t)
        await campaign(t, seedsFor(plane, DATABASES), async (seed) => {
          const store = join(directory, `${seed}`)
          await fill(writer, store, seed, kill)
          if (writer === 'cairn' && kill && seed === 1) await endsInZeros(t, store)
          const model = new Model()
          for (const changes of writesOf(seed)) model.apply(changes)
          // To and fro: each opens what the other recovered, wrote to and closed.
          for (const [i, engine] of [reader, writer, reader].entries())
            await compare(engine, store, seed + i, model)
          const db = new CairnLevel(store)
          const report = await db.verify()
          assert.deepEqual(report.damage, [], 'verify finds no damage')
          await db.close()
          await rm(store, { recursive: true })
        })
      },
    )
  }
}

eachPlane(t, 'databases of other engines', async (t) => {
  const directory = await scratch(t)
  const names = (await readdir(SPECIMENS, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  t.ok(names.length >= 4, names.join(', '))
  for (const name of names) {
    const store = join(directory, name)
    await cp(join(SPECIMENS, name), store, { recursive: true })
    const listed = await readFile(join(SPECIMENS, `${name}.expected.tsv`), 'utf8')
    const expected = listed
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'))
    for (const opening of ['first', 'second']) {
      const db = new CairnLevel<string, string>(store, { createIfMissing: false })
      const found = await db.iterator().all()
      const same = JSON.stringify(found) === JSON.stringify(expected)
      t.ok(same, `${name}, ${opening} opening: ${found.length} entries`)
      await db.close()
    }
  }
})

eachPlane(t, 'a directory that LevelDB has open is locked', async (t) => {
  if (process.platform !== 'linux') return t.pass('only Linux tells who holds LOCK')
  const store = join(await scratch(t), 'store')
  const classic = new ClassicLevel(store)
  await classic.open()
  const refused: unknown = await openEngine('cairn', store, {})
    .open()
    .catch((error: unknown) => error)
  t.ok(codesOf(refused).includes('CAIRN_LOCKED'), codesOf(refused).join(' '))
  await classic.close()
})
