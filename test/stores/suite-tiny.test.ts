/**
 * abstract-level's own suite with buffers and blocks so small that most reads meet tables. A
 * listener keeps every write on the way through abstract-level.
 */
import { CairnLevel } from '../../lib/index.js'
import { runSuite } from '../support/abstract-level.js'
import { freshPath } from '../support/directory.js'

/** Adds its options behind the back of the suite, which compares those that it gave. */
class TinyLevel extends CairnLevel {
  override _open(options: object): Promise<void> {
    return super._open({ ...options, writeBufferSize: 4096, blockSize: 64 })
  }
}

runSuite((options) => new TinyLevel(freshPath(), options).on('write', () => undefined))
