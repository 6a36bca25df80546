/**
 * abstract-level's own suite on a store that takes the way through abstract-level for every call;
 * the other suites take the direct one where they may. That way is above the planes: one is enough,
 * unless the campaign is to be full.
 */
import { runSuite } from '../support/abstract-level.js'
import { freshPath } from '../support/directory.js'
import { isFull } from '../support/campaign.js'
import { LongWayLevel } from '../support/long-way.js'
import { PLANES } from '../support/planes.js'

const planes = isFull ? PLANES : PLANES.slice(-1)

runSuite((options) => new LongWayLevel(freshPath(), options), planes)
