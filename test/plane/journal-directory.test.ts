/**
 * Journals in a subdirectory: made, read and synced there, and never led out of the store.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DIRECTORY_WAL, segmentName } from '../../lib/format/names.js'
import { memoryStorage } from '../../lib/io/memory.js'
import type { DataPlane } from '../../lib/plane.js'
import { eachPlane, freshDirectory, makePlane } from '../support/planes.js'
import { scratch } from '../support/scratch.js'
import { noise } from './journal-storage.js'

const NAME = `${DIRECTORY_WAL}/${segmentName(1)}`

async function write(plane: DataPlane, name: string): Promise<void> {
  const writer = await plane.createJournal(name)
  writer.append(noise(100, 1))
  await writer.sync()
  await writer.close()
}

eachPlane(t, 'a journal in a subdirectory', async (t, name) => {
  const storages = name === 'native' ? [freshDirectory(t)] : [freshDirectory(t), memoryStorage()]
  for (const storage of storages) {
    const { plane } = await makePlane(t, name, { storage })
    await t.rejects(plane.createJournal(NAME), { code: 'CAIRN_MISSING', file: NAME })
    await t.rejects(plane.openJournal(NAME), { code: 'CAIRN_MISSING', file: NAME })
    await storage.makeDirectory(DIRECTORY_WAL)
    await t.rejects(plane.openJournal(NAME), { code: 'CAIRN_MISSING', file: NAME })
    const writer = await plane.createJournal(NAME)
    t.equal(writer.name, NAME)
    writer.append(noise(100, 1))
    await writer.close()
    await t.rejects(plane.createJournal(NAME), { code: 'CAIRN_EXISTS', file: NAME })
    t.same(await storage.list(undefined, DIRECTORY_WAL), [
      { name: NAME, kind: 'segment', number: 1 },
    ])
    const reader = await plane.openJournal(NAME)
    t.equal(reader.name, NAME)
    t.same(Buffer.from((await reader.next())!.bytes), Buffer.from(noise(100, 1)))
    await reader.close()
    await storage.remove(NAME)
    await t.rejects(plane.openJournal(NAME), { code: 'CAIRN_MISSING' })
    await t.rejects(plane.openJournal(DIRECTORY_WAL), { code: 'CAIRN_IO' }, 'a directory')
  }
})

eachPlane(t, 'names that lead elsewhere', async (t, name) => {
  const { plane, storage } = await makePlane(t, name)
  await storage.makeDirectory(DIRECTORY_WAL)
  const bad = ['', '.', '..', '../x', 'wal/..', 'wal/.', 'wal/', '/wal', '/x', './x', 'wal//x']
  for (const each of [...bad, 'wal/a/b', '../wal/x', '/wal/x', 'wal/x\0', 'wal\0/x']) {
    await t.rejects(plane.createJournal(each), TypeError, JSON.stringify(each))
    await t.rejects(plane.openJournal(each), TypeError, JSON.stringify(each))
  }
})

eachPlane(t, 'a link is no subdirectory', async (t, name) => {
  const storage = freshDirectory(t)
  const { plane } = await makePlane(t, name, { storage })
  const outside = scratch(t)
  fs.writeFileSync(join(outside, segmentName(1)), 'theirs')
  fs.symlinkSync(outside, join(storage.location, DIRECTORY_WAL))
  fs.writeFileSync(join(storage.location, 'file'), '')
  const other = `${DIRECTORY_WAL}/${segmentName(2)}`
  await t.rejects(plane.openJournal(NAME), { code: 'CAIRN_IO', file: NAME })
  await t.rejects(plane.createJournal(other), { code: 'CAIRN_IO', file: other })
  await t.rejects(plane.createJournal('file/x'), { code: 'CAIRN_IO', file: 'file/x' })
  await t.rejects(storage.open(NAME), { code: 'CAIRN_IO', file: NAME })
  t.throws(() => storage.openSync(NAME), { code: 'CAIRN_IO', file: NAME })
  await t.rejects(storage.create(other), { code: 'CAIRN_IO', file: other })
  await t.rejects(storage.remove(NAME), { code: 'CAIRN_IO', file: NAME })
  await t.rejects(storage.rename(NAME, 'x'), { code: 'CAIRN_IO', file: NAME })
  await t.rejects(storage.rename('file', other), { code: 'CAIRN_IO', file: other })
  await t.rejects(storage.list(undefined, DIRECTORY_WAL), { code: 'CAIRN_IO' })
  t.same(fs.readdirSync(outside), [segmentName(1)])
  t.equal(fs.readFileSync(join(outside, segmentName(1)), 'latin1'), 'theirs')
})

eachPlane(t, 'a sync of the directory covers what a plane created below it', async (t, name) => {
  const storage = freshDirectory(t)
  const { plane } = await makePlane(t, name, { storage })
  await storage.makeDirectory(DIRECTORY_WAL)
  await storage.syncDirectory()
  await write(plane, NAME)
  const opened: string[] = []
  const { open } = fs
  t.teardown(() => (fs.open = open))
  fs.open = ((...args: Parameters<typeof fs.open>) => {
    opened.push(String(args[0]))
    return open(...args)
  }) as typeof fs.open
  await storage.syncDirectory()
  t.same(opened, [join(storage.location, DIRECTORY_WAL), storage.location], 'and before it')
  await storage.syncDirectory()
  t.equal(opened.length, 3, 'once')
})

t.test('and so it is in memory', async (t) => {
  const storage = memoryStorage()
  const { plane } = await makePlane(t, 'typescript', { storage })
  await storage.makeDirectory(DIRECTORY_WAL)
  await write(plane, NAME)
  t.same(await storage.crashClone(0).list(), [], 'nothing is durable before')
  await storage.syncDirectory()
  t.equal((await storage.crashClone(0).list('segment', DIRECTORY_WAL)).length, 1)
})
