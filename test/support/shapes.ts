/**
 * Keys of many shapes: short ones with zeros, prefixes of sublevels, long shared beginnings. Mixed
 * in one tree they make the shared prefix differ from node to node and from block to block.
 */

/** A random integer from 0 up to, and not including, its argument. */
export type Next = (below: number) => number

export const SHAPES: readonly ((next: Next) => string)[] = [
  (next) => Array.from({ length: next(6) }, () => '\0a'[next(2)]).join(''),
  (next) => `!users!${String(next(20_000)).padStart(8, '0')}`,
  (next) => `!users!${next(300)}!x!${next(300)}`,
  (next) => 'a'.repeat(next(40)) + String.fromCharCode(next(4)),
  (next) => String.fromCharCode(97 + next(26)).repeat(1 + next(3)) + String(next(1_000_000)),
  (next) => `common/prefix/that/is/long/${'abcdef'[next(6)]}/${'\0'.repeat(next(12))}${next(100)}`,
]

export function one<T>(next: Next, choices: readonly T[]): T {
  return choices[next(choices.length)]!
}

/** A maker of keys of some of the shapes, chosen at random. */
export function keyMaker(next: Next): () => string {
  const chosen = SHAPES.filter(() => next(2) === 0)
  const shapes = chosen.length > 0 ? chosen : SHAPES
  return () => one(next, shapes)(next)
}
