/**
 * What a process holds: handles of the addon, descriptors, threads; for the scenes that must leave
 * none of it behind.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { findNative } from '../../lib/planes/native.js'

export interface Census {
  readonly descriptors: number
  readonly threads: number
}

/** What this process holds, where the system tells. */
export function census(): Census {
  const count = (place: string): number => {
    try {
      return fs.readdirSync(place).length
    } catch {
      return 0
    }
  }
  return { descriptors: count('/proc/self/fd'), threads: count('/proc/self/task') }
}

/** Waits until no more is held than before, but for what node starts when it first needs it. */
export async function settled(before: Census): Promise<void> {
  const most = { descriptors: before.descriptors + 4, threads: before.threads + 4 }
  const fits = (): boolean => {
    const { descriptors, threads } = census()
    return descriptors <= most.descriptors && threads <= most.threads
  }
  await freed(fits, `${JSON.stringify(before)} before`)
}

/** What was not closed is freed once it is collected. */
export async function noHandles(): Promise<void> {
  await freed(() => handles() === 0, 'handles are left')
}

async function freed(done: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 200 && !done(); i++) {
    globalThis.gc!()
    await delay(5)
  }
  assert.ok(done(), `${what}; now ${handles()} handles, ${JSON.stringify(census())}`)
}

function handles(): number {
  const { addon } = findNative(process.env['CAIRN_ADDON'] || undefined)
  return addon === undefined ? 0 : addon.openHandles()
}
