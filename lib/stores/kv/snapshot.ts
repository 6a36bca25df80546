/**
 * LevelSnapshot: a point in the order of writes that reads can name.
 *
 * Stands on: TreeSnapshot. A snapshot belongs to one opening of one store; elsewhere its sequence
 * would mean other bytes, so `sequenceOf` refuses it there.
 */
import { AbstractSnapshot } from 'abstract-level'
import type { TreeSnapshot } from '../../lsm/snapshot.js'
import type { Tree } from '../../lsm/tree.js'

// The published types leave out the constructor's argument.
const Base: new (options: { owner: unknown }) => AbstractSnapshot = AbstractSnapshot

export class LevelSnapshot extends Base {
  readonly #tree: Tree
  readonly #held: TreeSnapshot

  constructor(tree: Tree, options: { owner: unknown }) {
    const held = tree.snapshot()
    super(options)
    this.#tree = tree
    this.#held = held
  }

  /** The sequence to read at in `tree`; undefined without a snapshot. Throws TypeError. */
  static sequenceOf(tree: Tree, snapshot: unknown): number | undefined {
    if (snapshot === undefined || snapshot === null) return undefined
    if (typeof snapshot === 'object' && #held in snapshot && snapshot.#tree === tree)
      return snapshot.#held.sequence
    throw new TypeError("The option 'snapshot' must be a snapshot of this database")
  }

  _close(): Promise<void> {
    this.#held.close()
    return Promise.resolve()
  }
}
