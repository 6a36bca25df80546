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
import { COUNT_KEY, IN_FLIGHT, changesAt, storeOptions } from './durable-writer.js'
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
    const found = [...map.entries()] as Entry[]
    assert.deepEqual((await map.verify()).damage, [], 'nothing is damaged')
    await map.close()
    // A clear may be there without the batch behind it: then the writer begins anew.
    if (found.length === 0 && this.#mayBeCleared(acknowledged)) {
      this.#model.clear({})
      return 0
    }
    assert.ok(count >= acknowledged, `${count} found, ${acknowledged} acknowledged`)
    found.sort(([a], [b]) => (a < b ? -1 : 1))
    for (let index = this.count; index < count; index++) {
      const { clears, changes } = changesAt(this.seed, index)
      if (clears) this.#model.clear({})
      this.#model.apply(changes)
    }
    const expected = this.#model.entries()
    if (JSON.stringify(found) !== JSON.stringify(expected)) assert.fail(difference(found, expected))
    return count
  }

  /** Whether a unit that was under way clears the map. */
  #mayBeCleared(acknowledged: number): boolean {
    const first = Math.max(acknowledged, this.count)
    return Array.from({ length: IN_FLIGHT + 1 }, (_, i) => first + i).some(
      (index) => changesAt(this.seed, index).clears,
    )
  }
}

testKills('map', KilledMap)
