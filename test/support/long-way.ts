/**
 * A store without the direct ways of its public methods: what it does is abstract-level's doing.
 */
import { CairnLevel } from '../../lib/index.js'

class LongWay<K, V> extends CairnLevel<K, V> {
  protected override _direct(): undefined {
    return undefined
  }

  protected override _directWrite(): undefined {
    return undefined
  }
}

export const LongWayLevel = LongWay as typeof CairnLevel
