/** A part of a plane that is measured by itself, and what came out. */

export interface Part {
  readonly name: string
  /** Operations that one call does. */
  readonly operations: number
  /** Bytes that one operation goes over. */
  readonly bytes?: number
  /** Of `runAsync`, a call ends when its promise settles. */
  readonly run?: () => unknown
  readonly runAsync?: () => Promise<unknown>
}

export interface PartFigure {
  /** `alone`: of the TypeScript plane, below the seam. */
  readonly plane: 'native' | 'typescript' | 'alone'
  readonly name: string
  /** Of one operation. */
  readonly nanoseconds: number
  readonly bytesPerSecond?: number
  /** Relative margin of error, in percent. */
  readonly percent: number
}
