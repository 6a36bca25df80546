/**
 * What a campaign needs of a store and its workload: how to open it, what must hold of it, and how
 * to see that it does. Journals and maps are such subjects.
 */
import type { Storage } from '../../lib/io/files.js'

/** What every store can do. */
export interface Opened {
  close(): Promise<void>
  on(event: 'warning', listener: (error: Error) => void): unknown
}

/** What a crash at some moment may leave, in terms of what was submitted and acknowledged. */
export interface Promised {
  /** Units of work that survive power loss, and all that had been submitted. */
  readonly durable: number
  readonly submitted: number
  /** The highest sequence that any caller was given. */
  readonly handedOut: number
}

export interface Subject<S extends Opened, P extends Promised = Promised> {
  /** Opens a store that this workload made, in the mode that it works in. */
  open(storage: Storage): Promise<S>
  /** Of a power cut now. */
  promised(): P
  /** Of the death of the process, or a failure, now. */
  survivors(): P
  /** One step of the workload: what is submitted need not settle. */
  step(store: S): Promise<void>
  /** Waits for all that was submitted. */
  settle(): Promise<void>
  /** Closes: what was acknowledged is durable then. */
  close(store: S): Promise<void>
  /** Throws unless the store holds what it must and nothing else; gives all that it holds. */
  judge(store: S, promised: P): Promise<string>
  /** Throws unless reads give what was acknowledged, no more and no less. */
  judgeReads(store: S): Promise<void>
  /** A write that is of no importance. */
  writeLate(store: S): Promise<unknown>
  /** Writes something more; gives what throws unless that is there when it is opened again. */
  goOn(store: S, promised: P): Promise<(again: S) => Promise<void>>
  /** Goes on with what was recovered from a crash of which this was promised: a new session. */
  resume(store: S, promised: P): Promise<void>
}
