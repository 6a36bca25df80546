/** The seeded generator of tests: `random(seed)` gives a function of numbers in [0, 1). */
export { random } from '../../lib/io/random.js'
