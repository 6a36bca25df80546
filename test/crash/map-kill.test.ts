/**
 * kill -9 of a process that changes a map, while it compacts and takes snapshots all the time,
 * again and again on one directory.
 *
 * What it acknowledged over a pipe must be there after the kill in every sync mode, and what is
 * there must be the state after a prefix of its batches. Proves P1 and P2 for the death of the
 * process, on a real disk. 500 cycles in full, over planes and kinds.
 */
import assert from 'node:assert/strict'
import { diskStorage } from '../../lib/io/index.js'
import { Model, difference } from '../support/model.js'
import type { Entry } from '../support/model.js'
import { COUNT_KEY, changesAt, storeOptions } from './durable-writer.js'
import { Killed, testKills } from './kill-cycles.js'
import type { Acknowledged } from './kill-cycles.js'
import { openTexts } from './map-texts.js'

class KilledMap extends Killed {
  readonly #model = new Model()

  async look(readOnly: boolean, told: readonly Acknowledged[]): Promise<number> {
    const options = { ...storeOptions(this.options), readOnly }
    const map = await openTexts(diskStorage(this.store), options)
    const count = Number(map.get(COUNT_KEY) ?? 0)
    const acknowledged = (told.at(-1)?.index ?? -1) + 1
    assert.ok(count >= acknowledged, `${count} found, ${acknowledged} acknowledged`)
    const found = [...map.entries()] as Entry[]
    found.sort(([a], [b]) => (a < b ? -1 : 1))
    for (let index = this.count; index < count; index++) {
      const { clears, changes } = changesAt(this.seed, index)
      if (clears) this.#model.clear({})
      this.#model.apply(changes)
    }
    const expected = this.#model.entries()
    // A clear may be there without the batch behind it.
    const isCleared = found.length === 0 && changesAt(this.seed, count).clears
    if (!isCleared && JSON.stringify(found) !== JSON.stringify(expected))
      assert.fail(difference(found, expected))
    assert.deepEqual((await map.verify()).damage, [], 'nothing is damaged')
    await map.close()
    return isCleared ? this.count : count
  }
}

testKills('map', KilledMap)
