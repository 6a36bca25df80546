/**
 * Sequences that callers were given name no other record, whatever was lost and however it is
 * opened: also when the opening that left numbers out is itself cut short.
 */
import t from 'tap'
import { memoryStorage } from '../../lib/io/index.js'
import type { MemoryStorage } from '../../lib/io/index.js'
import type { SyncMode } from '../../lib/stores/journal/index.js'
import { openStore } from '../support/journal.js'
import { MODES } from './secrets.js'

const LOSSES = [0, 1, 2, 3, 4, 5]

/** Appends ten records that a power cut loses; gives what it leaves. */
async function losing(sync: SyncMode): Promise<{ left: MemoryStorage; handedOut: number }> {
  const storage = memoryStorage()
  const journal = await openStore(storage, { sync, syncIntervalMs: 1_000_000 })
  let handedOut = 0
  for (let i = 0; i < 10; i++) handedOut = await journal.append(`lost ${i}`)
  const left = storage.crashClone(0)
  await journal.close()
  return { left, handedOut }
}

/** What is left when power is lost at any operation of an opening and its first append. */
async function cutShort(left: MemoryStorage, sync: SyncMode): Promise<MemoryStorage[]> {
  const storage = left.crashClone(1)
  const crashes: MemoryStorage[] = []
  storage.onOperation = () => {
    for (const kind of LOSSES) crashes.push(storage.crashClone(kind))
  }
  const journal = await openStore(storage, { sync })
  await journal.append('cut short')
  storage.onOperation = undefined
  await journal.close()
  return crashes
}

for (const first of MODES.filter((mode) => mode !== 'always'))
  for (const second of MODES)
    t.test(`${first}, a power cut, ${second}, another one`, async (t) => {
      const { left, handedOut } = await losing(first)
      let lowest = Infinity
      const crashes = await cutShort(left, second)
      for (const crash of crashes) {
        const journal = await openStore(crash)
        lowest = Math.min(lowest, await journal.append('new'))
        await journal.close()
      }
      t.ok(crashes.length > 30, `${crashes.length} crashes`)
      t.ok(lowest > handedOut, `${lowest} is the lowest that comes behind ${handedOut}`)
    })
