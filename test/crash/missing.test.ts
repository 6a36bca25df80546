/**
 * Files that are gone: the store says which, changes nothing, and repair brings back the rest.
 * Proves P3 for whole files.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { diskStorage } from '../../lib/io/index.js'
import { CairnLevel } from '../../lib/index.js'
import { TINY, bytesOf, codesOf, contentOf, fileOf, openLevel, readAll } from '../support/level.js'
import { Model } from '../support/model.js'
import { SPECIMEN_OPTIONS, specimens } from './specimen.js'
import { eachPlane, freshStorage, imageOf, laidDown } from '../support/planes.js'

/** Every record that was ever written under these keys. */
const KNOWN = /^(1|(old|new) value \d+.*)$/

/** The messages of an error and its causes. */
function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messagesOf(error.cause)}` : ''
}

for (const specimen of await specimens()) {
  for (const { name, kind } of await specimen.storage.list()) {
    if (!['journal', 'table', 'manifest', 'current'].includes(kind)) continue
    // A journal made ahead of need holds nothing yet.
    if ((await readAll(specimen.storage, name)).length === 0) continue

    eachPlane(t, `${specimen.name}: without its ${kind}`, async (t, plane) => {
      const storage = await laidDown(t, plane, specimen.storage)
      await storage.remove(name)
      await storage.syncDirectory()
      const before = await bytesOf(storage)
      const error: unknown = await openLevel(storage, SPECIMEN_OPTIONS).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      t.ok(error instanceof Error, 'it does not open')
      t.ok(codesOf(error).includes('CAIRN_CORRUPTION'), `codes: ${codesOf(error).join(' ')}`)
      const told = `${messagesOf(error)} ${fileOf(error) ?? ''}`
      t.ok(told.includes(name), `the error names ${name}: ${told}`)
      if (kind === 'current') t.match(told, /repair/, 'and says what to do')
      t.same(await bytesOf(storage), before, 'nothing changed')
    })

    eachPlane(t, `${specimen.name}: repaired without its ${kind}`, async (t) => {
      const directory = await mkdtemp(join(tmpdir(), 'cairn-missing-'))
      t.teardown(() => rm(directory, { recursive: true, force: true }))
      const disk = diskStorage(join(directory, 'store'))
      await disk.createDirectory()
      for (const entry of await specimen.storage.list())
        if (entry.name !== name && !['lock', 'log', 'unknown'].includes(entry.kind))
          await specimen.storage.copyTo(disk, entry.name)
      await disk.syncDirectory()
      await CairnLevel.repair(disk.location)
      const db = await openLevel(disk, SPECIMEN_OPTIONS)
      const found = await contentOf(db)
      await db.close()
      await disk.close()
      const isTable = kind === 'table'
      if (kind === 'manifest' || kind === 'current') t.same(found, specimen.content, 'all is back')
      if (kind === 'journal')
        t.equal(JSON.stringify(found), specimen.states[0], 'what the table holds is back')
      if (isTable) t.ok(found.length >= 6, 'what the journal holds is back')
      for (const [key, value] of found) if (!KNOWN.test(value)) t.fail(`${key} was never ${value}`)
    })
  }
}

eachPlane(t, 'each of many tables and journals', async (t, plane) => {
  const storage = freshStorage(t, plane)
  const db = await openLevel(storage, { ...TINY, writeBufferSize: 2048 })
  const model = new Model()
  for (let i = 0; i < 120; i++) {
    const [key, value] = [`key-${(i * 7) % 60}`, `value ${i}`.padEnd(120, '.')]
    await db.put(key, value)
    model.apply([{ type: 'put', key, value }])
  }
  const left = await imageOf(storage)
  await db.close()
  for (const [what, state] of [
    ['closed', await imageOf(storage)],
    ['left open', left],
  ] as const) {
    let refused = 0
    for (const { name, kind } of await state.list()) {
      if (kind !== 'table' && kind !== 'journal') continue
      const damaged = await laidDown(t, plane, state)
      await damaged.remove(name)
      await damaged.syncDirectory()
      const before = await bytesOf(damaged)
      const opened = await openLevel(damaged, TINY).catch(() => undefined)
      if (opened === undefined) {
        refused++
        t.same(await bytesOf(damaged), before, `${what} without ${name}: nothing changed`)
        continue
      }
      // Left open, a file may stand that no version needs any more; closing removes them.
      if (what === 'closed') t.fail(`opened without ${name}`)
      const found = await contentOf(opened)
      t.same(found, model.entries(), `${what} without ${name}: nothing is missing`)
      await opened.close()
    }
    t.ok(refused >= 2, `${what}: refused without each of ${refused} files`)
  }
})
