/**
 * kill -9 of a process that appends to a journal, again and again on one directory.
 *
 * What it acknowledged over a pipe must be there after the kill in every sync mode, under the
 * sequences that it was given; what is there must be an exact prefix of its appends, and no
 * sequence may come twice. Proves P1 and P2 for the death of the process, on a real disk. 500
 * cycles in full, over planes and kinds.
 */
import assert from 'node:assert/strict'
import { diskStorage } from '../../lib/io/index.js'
import { openStore } from '../support/journal.js'
import { recordsAt, storeOptions } from './durable-writer.js'
import { Killed, testKills } from './kill-cycles.js'
import type { Acknowledged } from './kill-cycles.js'

class KilledJournal extends Killed {
  /** The highest sequence that was acknowledged. */
  #handedOut = 0

  async look(readOnly: boolean, told: readonly Acknowledged[]): Promise<number> {
    const options = { ...storeOptions(this.options), readOnly }
    const journal = await openStore(diskStorage(this.store), options)
    const ends = new Map<number, number>()
    let count = 0
    let left: string[] = []
    let before = 0
    let isNew = false
    for await (const { sequence, payload } of journal.read()) {
      if (left.length === 0) left = recordsAt(this.seed, count)
      assert.equal(Buffer.from(payload).toString(), left.shift(), `record ${sequence}`)
      assert.ok(sequence > before, 'sequences ascend')
      if (!isNew && count >= this.count) {
        assert.ok(sequence > this.#handedOut, `${sequence} was given before`)
        isNew = true
      }
      before = sequence
      if (left.length === 0) ends.set(count++, sequence)
    }
    assert.equal(left.length, 0, 'the last group is whole')
    for (const { index, sequence } of told)
      assert.equal(ends.get(index), sequence, `unit ${index} was acknowledged`)
    this.#handedOut = Math.max(this.#handedOut, told.at(-1)?.sequence ?? 0)
    assert.deepEqual((await journal.verify()).damage, [], 'nothing is damaged')
    await journal.close()
    return count
  }
}

testKills('journal', KilledJournal)
