/**
 * The test build of the addon, which records what native/os does to files and plans its faults;
 * and one order of that with what the control plane did.
 *
 * Numbers of one counter are taken before an operation begins and after it ended, so A was done
 * before B began exactly when A's end is less than B's begin.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const BUILD = join('native', 'build.cjs')
const ADDON = join('build', 'trace', 'cairn.node')

export type NativeKind = 'create' | 'remove' | 'write' | 'sync' | 'truncate'

/** What the addon tells of one operation; see native/os/trace.h. */
export interface NativeOperation {
  readonly kind: NativeKind
  readonly name: string
  readonly directory: number
  readonly inode: number
  readonly position: number
  readonly bytes: Uint8Array
  readonly begin: number
  /** 0 while it is under way. */
  readonly end: number
  /** Bytes written, 0, or a negated error number. */
  readonly result: number
}

export interface TraceAddon {
  traceRecord(on: boolean): void
  traceTake(): NativeOperation[]
  traceTick(): number
  tracePlan(kind: NativeKind, nth: number, result: number): void
  traceForgive(): number
}

export type TraceSearch =
  | { readonly addon: TraceAddon; readonly file: string }
  | { readonly addon?: undefined; readonly reason: string }

/**
 * The addon that CAIRN_ADDON names if it records, else the one in build/trace, made now unless it
 * is newer than its sources; or why there is none.
 */
export function findTrace(): TraceSearch {
  const named = process.env['CAIRN_ADDON']
  if (named && fs.existsSync(named)) {
    const search = loaded(named)
    if (search.addon !== undefined) return search
  }
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [BUILD, 'trace'], {
    encoding: 'utf8',
  })
  const said = error?.message ?? `${stdout}${stderr}`.trim()
  // What an earlier build left there is stale then.
  if (status !== 0 || said.includes('was not built')) return { reason: said }
  return loaded(fs.realpathSync(ADDON))
}

function loaded(file: string): TraceSearch {
  try {
    const addon = createRequire(file)(file) as Partial<TraceAddon>
    if (typeof addon.traceRecord === 'function') return { addon: addon as TraceAddon, file }
    return { reason: `${file} records nothing` }
  } catch (error) {
    return { reason: String(error) }
  }
}

/** When an operation began and ended; `end` is Infinity when it may or may not have happened. */
interface Span {
  readonly begin: number
  readonly end: number
}

/** An operation on files, whoever did it. Files are told apart by number, never used twice. */
export type TraceEvent = Span &
  (
    | { readonly kind: 'createDirectory' | 'syncDirectory' }
    | { readonly kind: 'create'; readonly name: string; readonly file: number }
    | { readonly kind: 'remove' | 'makeDirectory'; readonly name: string }
    | { readonly kind: 'rename'; readonly name: string; readonly to: string }
    | {
        readonly kind: 'write'
        readonly file: number
        readonly position: number
        readonly bytes: Uint8Array
      }
    | { readonly kind: 'truncate'; readonly file: number; readonly position: number }
    | { readonly kind: 'sync'; readonly file: number; readonly name: string }
  )

/** One operation of the control plane; `inode` as the system tells it. */
export interface ControlOperation extends Span {
  readonly kind: TraceEvent['kind']
  readonly name?: string
  readonly to?: string
  readonly inode?: number
  readonly position?: number
  readonly bytes?: Uint8Array
}

/** All that happened, in the order of beginning. */
export function mergeTrace(
  native: readonly NativeOperation[],
  control: readonly ControlOperation[],
): TraceEvent[] {
  const all = [...native.flatMap(asControl), ...control].sort((a, b) => a.begin - b.begin)
  // The system gives the number of a file that is gone to another one.
  const files = new Map<number, number>()
  let created = 0
  return all.map((operation): TraceEvent => {
    const { begin, end, kind, name = '', inode = 0, position = 0 } = operation
    if (kind === 'createDirectory' || kind === 'syncDirectory') return { kind, begin, end }
    if (kind === 'remove' || kind === 'makeDirectory') return { kind, name, begin, end }
    if (kind === 'rename') return { kind, name, to: operation.to!, begin, end }
    if (kind === 'create') {
      files.set(inode, ++created)
      return { kind, name, file: created, begin, end }
    }
    const file = files.get(inode)
    if (file === undefined) throw new Error(`${kind} of ${name}, which nobody created`)
    if (kind === 'write') return { kind, file, position, bytes: operation.bytes!, begin, end }
    return kind === 'sync' ? { kind, file, name, begin, end } : { kind, file, position, begin, end }
  })
}

/** What failed did nothing, but for writes and truncations: nobody knows what those did. */
function asControl(operation: NativeOperation): ControlOperation[] {
  const { kind, name, inode, position, begin, result } = operation
  const end = operation.end === 0 ? Infinity : operation.end
  // Behind a write of zeros that failed others go on: it is at its end, whatever it left.
  const isZeros = kind === 'write' && operation.bytes.every((byte) => byte === 0)
  const failed = end !== Infinity && result < 0 && !isZeros
  if (failed && kind !== 'write' && kind !== 'truncate') return []
  const known = { kind, name, inode, position, begin, end: failed ? Infinity : end }
  if (kind !== 'write') return [known]
  const done = known.end !== Infinity
  const written = done && result >= 0 ? operation.bytes.subarray(0, result) : operation.bytes
  return [{ ...known, bytes: written }]
}
