/**
 * abstract-level's own suite on a store in memory.
 */
import { CairnLevel } from '../../lib/index.js'
import { runSuite } from '../support/abstract-level.js'
import { freshPath } from '../support/directory.js'

/** Adds its option behind the back of the suite, which compares those that it gave. */
class MemoryLevel extends CairnLevel {
  override _open(options: object): Promise<void> {
    return super._open({ ...options, storage: 'memory' })
  }
}

runSuite((options) => new MemoryLevel(freshPath(), options), ['typescript'])
