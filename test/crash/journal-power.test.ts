/**
 * Power loss at mutating operations of journals: three sync modes, plain and encrypted.
 *
 * What is recovered is an exact prefix of the appends, all that was acknowledged as durable in it,
 * groups whole, no sequence ever given to two records; it opens every time and again, on both
 * planes alike, recovery that is cut short ends the same, and no plaintext stands in any file of
 * an encrypted journal. Proves P1, P2, P3, P8 and P9. At least 5,000 crash points in full, plain
 * and encrypted each.
 */
import t from 'tap'
import { LIMIT_MS, campaign, isFull, seedsOf } from '../support/campaign.js'
import { PLANES } from '../support/planes.js'
import { random } from '../support/random.js'
import { JournalWorkload } from './journal-workload.js'
import { losePower } from './power.js'

t.setTimeout(LIMIT_MS)

const SEEDS = 60
const LEAST_POINTS = isFull ? 5000 : 500
const PLAN = {
  steps: 10,
  // A recovery reads all segments several times; more seeds tell more than more operations.
  stride: 4,
  native: PLANES.includes('native') ? 0.03 : 0,
}

for (const encrypted of [false, true])
  t.test(`power loss: ${encrypted ? 'encrypted' : 'plain'}`, async (t) => {
    let points = 0
    await campaign(t, SEEDS, async (seed) => {
      const { crashes, generations } = await losePower(
        new JournalWorkload(random(seed), encrypted),
        seed,
        PLAN,
      )
      points += crashes
      return `${crashes} crash points, ${generations} generations`
    })
    if (seedsOf(SEEDS).length > 1)
      t.ok(points >= LEAST_POINTS, `${points} crash points, at least ${LEAST_POINTS}`)
  })
