/**
 * Merges of the native plane: the job goes over whole, a worker does it.
 */
import type { TableMeta } from '../../format/edit.js'
import type { KeyRange, MergeJob } from '../../plane.js'
import { StoreError } from '../../errors.js'
import type { Handle, NativeDamage, NativeFunctions, NativeRange } from '../addon.js'
import { handlesOf } from './sources.js'

export async function merge(
  addon: NativeFunctions,
  plane: Handle,
  job: MergeJob,
  signal: AbortSignal,
): Promise<TableMeta[]> {
  const { inputs, snapshots, outputs, table, maxTableBytes, maxGrandparentBytes } = job
  if (signal.aborted) throw aborted(signal)
  let handle: Handle = 0
  const cancel = (): void => {
    if (handle !== 0) addon.mergeCancel(handle)
  }
  let failure: { error: unknown } | undefined
  // The merge holds this, and this the job: its tables are not collected, which would close them.
  const told = (read: number, written: number, damage: NativeDamage | undefined): void => {
    if (failure !== undefined) return
    try {
      if (damage === undefined) job.progress?.(read, written)
      else job.onDamage?.(damage)
    } catch (error) {
      failure = { error }
      cancel()
    }
  }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const [merge, tables] = addon.mergeStart(
      plane,
      {
        inputs: handlesOf(inputs),
        snapshots,
        outputs,
        ...table,
        maxTableBytes,
        deeper: job.deeper.map((ranges) => ranges.map(rangeOf)),
        grandparents: job.grandparents.map((range) => ({ ...range })),
        maxGrandparentBytes,
        skipDamage: job.onDamage !== undefined,
      },
      told,
    )
    handle = merge
    const made = await tables
    if (failure !== undefined) throw failure.error
    return made
  } catch (error) {
    if (failure !== undefined) throw failure.error
    throw error instanceof StoreError && error.code === 'CAIRN_ABORTED' ? aborted(signal) : error
  } finally {
    signal.removeEventListener('abort', cancel)
    if (handle !== 0) addon.mergeFree(handle)
  }
}

function rangeOf({ smallest, largest }: KeyRange): NativeRange {
  return { smallest, largest, sizeBytes: 0 }
}

function aborted(signal: AbortSignal): StoreError {
  return new StoreError('CAIRN_ABORTED', 'the merge was aborted', { cause: signal.reason })
}
