/**
 * Verification: reads and checks every byte that the tree stands on, and changes nothing.
 */
import { Verification, type VerifyReport } from '../commit/told.js'
import { StoreError } from '../errors.js'
import { batchCount, BATCH_HEADER_BYTES, checkBatch } from '../format/batch.js'
import { FormatError } from '../format/coding.js'
import { decodeEdit } from '../format/edit.js'
import { journalName, manifestName, tableName } from '../format/names.js'
import type { JournalReader } from '../plane.js'
import type { TreeState } from './state.js'

export async function verifyTree(state: TreeState): Promise<VerifyReport> {
  const version = state.versions.retain()
  const report = new Verification()
  try {
    for (const table of version.tables) {
      const name = tableName(table.meta.number)
      const { entries, damage } = await table.verify()
      report.file(table.meta.sizeBytes, entries)
      for (const found of damage) report.damage.push({ file: name, ...found })
    }
    const { readOnlyFiles, plane } = state
    for (const number of readOnlyFiles?.journals ?? [state.journals.number]) {
      const reader = await plane.openJournal(journalName(number))
      const torn = readOnlyFiles?.torn?.file === reader.name ? readOnlyFiles.torn : undefined
      const end = readOnlyFiles ? torn?.offset : state.journals.position
      // Nobody can tell how far a journal that was left open had been written over its zeros.
      const mayEndInZeros = readOnlyFiles !== undefined
      await verifyJournal(reader, { end, mayEndInZeros }, checkBatch, report)
      if (torn) break
    }
    const number = readOnlyFiles?.manifest ?? state.manifest.number
    // What a failed write left behind the end is no damage: the next opening cuts it.
    const end = readOnlyFiles ? undefined : state.manifest.position
    const reader = await plane.openJournal(manifestName(number))
    await verifyJournal(reader, { end, mayEndInZeros: false }, decodeEdit, report)
  } finally {
    state.versions.release(version)
  }
  return report.finish()
}

/** What of a journal is to be checked. */
interface Extent {
  /** Where the records end; the end of the file by default. */
  readonly end: number | undefined
  readonly mayEndInZeros: boolean
}

/** Checks the records that begin before the end; what is being appended meanwhile is left out. */
async function verifyJournal(
  reader: JournalReader,
  extent: Extent,
  check: (record: Uint8Array) => unknown,
  report: Verification,
): Promise<void> {
  let records = 0
  const end = extent.end ?? reader.sizeBytes
  const damaged = (offset: number, reason: string): void => {
    report.damage.push({ file: reader.name, offset, bytes: end - offset, reason })
  }
  try {
    for (;;) {
      const record = await reader.next()
      if (record === undefined || record.end > end) break
      try {
        check(record.bytes)
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
        damaged(record.offset, error.message)
      }
      records += check === checkBatch ? countOf(record.bytes) : 0
    }
    const { verdict } = reader
    if (verdict?.kind === 'bad' && verdict.offset < end) damaged(verdict.offset, verdict.reason)
    if (verdict?.kind === 'end' && !extent.mayEndInZeros) {
      const { zerosFrom } = verdict
      const from = zerosFrom ?? reader.sizeBytes
      if (from < end) damaged(from, zerosFrom === undefined ? 'cut off' : 'zeros')
    }
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'CAIRN_CORRUPTION') throw error
    damaged(error.offset ?? 0, error.message)
  } finally {
    await reader.close()
  }
  report.file(end, records)
}

function countOf(batch: Uint8Array): number {
  return batch.length < BATCH_HEADER_BYTES ? 0 : batchCount(batch)
}
