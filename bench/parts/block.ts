/** Check of a data block of 4 KiB, and seeks in it. */
import {
  internalKey,
  KEY_SEQUENCE_MAX,
  KEY_TYPE_SEEK,
  KEY_TYPE_VALUE,
  trailerHigh,
  trailerLow,
} from '../../lib/format/key.js'
import { BlockWriter, parseBlock } from '../../lib/table/block.js'
import { BlockWalk } from '../../lib/table/walk.js'
import { recordKey, shuffled, VALUE_BYTES, Values } from '../records.js'
import type { Part } from './part.js'

const BLOCK_BYTES = 4096
const RESTART_INTERVAL = 16

export function blockParts(): Part[] {
  const writer = new BlockWriter(RESTART_INTERVAL)
  const values = new Values(VALUE_BYTES)
  const records: Buffer[] = []
  while (writer.sizeBytes < BLOCK_BYTES) {
    const key = Buffer.from(recordKey(records.length))
    const whole = internalKey(key, records.length + 1, KEY_TYPE_VALUE)
    const value = values.next()
    writer.add(whole, whole.length, value, 0, value.length)
    records.push(key)
  }
  const contents = Uint8Array.from(writer.finish())
  const block = parseBlock(contents, 'internal', 'bench', 0)
  const keys = Array.from(shuffled(records.length), (record) => records[record]!)
  const walk = new BlockWalk()
  const high = trailerHigh(KEY_SEQUENCE_MAX)
  const low = trailerLow(KEY_SEQUENCE_MAX, KEY_TYPE_SEEK)
  return [
    {
      name: 'block check, 4 KiB',
      operations: 1,
      bytes: contents.length,
      run: () => parseBlock(contents, 'internal', 'bench', 0),
    },
    {
      name: 'block seek',
      operations: keys.length,
      run: () => {
        for (const key of keys) {
          if (!walk.enterAt(block, key, high, low)) throw new Error('a key is not found')
        }
      },
    },
  ]
}
