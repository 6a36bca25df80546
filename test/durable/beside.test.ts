/**
 * A sync by the timer while a large append is under way: it can not cover what is written behind
 * its back, so there must be another one.
 */
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { StorageFile } from '../../lib/io/files.js'
import { openStore, recordsOf } from '../support/journal.js'
import { overriding } from '../support/overriding.js'

const LARGE_BYTES = 1024 * 1024
/** It is written in pieces that are larger than this. */
const PIECE_BYTES = 16 * 1024

t.test('a sync beside a large append is not the last one', async (t) => {
  const memory = memoryStorage()
  const waiting: (() => void)[] = []
  /** Settles with the next sync that comes to its end. */
  const nextSync = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
  let overtaken = 0
  const watched = (file: StorageFile): StorageFile =>
    overriding(file, {
      async write(bytes: Uint8Array, offset: number) {
        if (bytes.length >= PIECE_BYTES && overtaken++ === 0) await nextSync()
        await file.write(bytes, offset)
      },
      async sync() {
        await file.sync()
        for (const resolve of waiting.splice(0)) resolve()
      },
    })
  const storage = overriding(memory, { create: async (name) => watched(await memory.create(name)) })
  // The journal's timer keeps no process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const journal = await openStore(storage, { sync: 'interval', syncIntervalMs: 50 })
  const large = 'x'.repeat(LARGE_BYTES)
  await journal.append('small')
  // The first record has the timer sync; that goes on beside this one.
  await journal.append(large)
  t.ok(overtaken > 0, 'a sync came while it was written')
  await nextSync()
  const left = await openStore(memory.crashClone(0))
  const found = await recordsOf(left)
  t.same(
    found.map(([, text]) => text.length),
    ['small'.length, LARGE_BYTES],
    'power takes nothing that is older than the last sync',
  )
  await left.close()
  await journal.close()
})
