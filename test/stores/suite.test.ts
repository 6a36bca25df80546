/**
 * abstract-level's own suite on a store on disk with the default options.
 */
import { CairnLevel } from '../../lib/index.js'
import { runSuite } from '../support/abstract-level.js'
import { freshPath } from '../support/directory.js'

runSuite((options) => new CairnLevel(freshPath(), options))
