/**
 * The child of classic.test.ts: fills a database with one engine and closes it or dies.
 *
 * What it writes is a function of the seed, so the parent knows the content. Keys and values are
 * bytes, written as hex; the order of hex is the order of the bytes.
 * Usage: node writer.js (classic|cairn) DIRECTORY SEED (close|kill) OPTIONS-AS-JSON
 */
import { pathToFileURL } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { CairnLevel } from '../../lib/index.js'
import { below, pick } from '../support/campaign.js'
import type { Change } from '../support/model.js'
import { random } from '../support/random.js'

export type Engine = 'classic' | 'cairn'
export const HEX = { keyEncoding: 'hex', valueEncoding: 'hex' } as const
const WRITES = 400

/** The writes of a seed, in order. */
export function writesOf(seed: number): Change[][] {
  const dice = random(seed)
  const hex = (length: number): string => {
    // Runs of one byte, so that compression has something to find.
    const byte = below(dice, 256).toString(16).padStart(2, '0')
    const noise = Array.from({ length: Math.min(length, 8) }, () => below(dice, 256))
    return Buffer.from(noise).toString('hex') + byte.repeat(Math.max(0, length - 8))
  }
  const keys = Array.from({ length: 250 }, () => hex(pick(dice, [1, 2, 8, 20, 300])))
  return Array.from({ length: WRITES }, () =>
    Array.from({ length: pick(dice, [1, 1, 2, 10]) }, (): Change => {
      const key = pick(dice, keys)
      if (dice() < 0.2) return { type: 'del', key }
      return { type: 'put', key, value: hex(pick(dice, [0, 10, 100, 1000, 5000])) }
    }),
  )
}

export function openEngine(
  engine: Engine,
  directory: string,
  options: Record<string, unknown>,
): ClassicLevel<string, string> | CairnLevel<string, string> {
  return engine === 'classic'
    ? new ClassicLevel<string, string>(directory, { ...options, ...HEX })
    : new CairnLevel<string, string>(directory, { ...options, ...HEX })
}

async function main(args: readonly string[]): Promise<void> {
  const [engine, directory = '', seed, ending, options = '{}'] = args
  const settings = JSON.parse(options) as Record<string, unknown>
  const db = openEngine(engine as Engine, directory, settings) as ClassicLevel<string, string>
  const writes = writesOf(Number(seed))
  // Small syncs one behind the other leave zeros in a journal of ours that is not closed.
  const every = Number(seed) % 2 === 0 ? 50 : 1
  for (const [i, changes] of writes.entries()) {
    await db.batch([...changes], { sync: i % every === 0 })
    if (i === writes.length >> 1 && Number(seed) % 3 === 0) await db.compactRange('00', 'ff')
  }
  if (ending === 'kill') process.kill(process.pid, 'SIGKILL')
  await db.close()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2))
