/**
 * abstract-level's own suite on a store that takes the way through abstract-level for every call;
 * the other suites take the direct one where they may.
 */
import { runSuite } from '../support/abstract-level.js'
import { freshPath } from '../support/directory.js'
import { LongWayLevel } from '../support/long-way.js'

runSuite((options) => new LongWayLevel(freshPath(), options))
