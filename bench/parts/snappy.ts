/** Snappy over a block of 4 KiB, of which about half compresses away. */
import { snappy, snappyRoom, unsnappy } from '../../lib/table/snappy.js'
import { Values } from '../records.js'
import type { Part } from './part.js'

const BLOCK_BYTES = 4096

export function snappyParts(): Part[] {
  const block = Uint8Array.from(new Values(BLOCK_BYTES).next())
  const room = new Uint8Array(snappyRoom(BLOCK_BYTES))
  const compressed = room.slice(0, snappy(block, room))
  return [
    { name: 'snappy', operations: 1, bytes: BLOCK_BYTES, run: () => snappy(block, room) },
    { name: 'unsnappy', operations: 1, bytes: BLOCK_BYTES, run: () => unsnappy(compressed) },
  ]
}
