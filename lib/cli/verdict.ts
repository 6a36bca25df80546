/**
 * What verifying a store found, of whatever kind it is: the report as words or as JSON.
 *
 * Decides: what counts as damage for the exit code. Damage that keeps a store from opening is
 * what was asked for, not a failure to answer.
 */
import type { Damage, StoreError, VerifyReport } from '../stores/kv/index.js'
import { EXIT_FAILURE, storeError } from './failure.js'
import { columnsTable } from './output.js'
import type { GlobalOptions, Session } from './session.js'
import { formatBytes, formatCount } from './text.js'

/** Some stores name the files that are nobody's. */
type Verdict = VerifyReport & { readonly foreign?: readonly string[] }

/** Exit code 1 when there is damage. Rejects, without --json, with damage met at opening. */
export async function tellVerdict(
  session: Session,
  options: GlobalOptions,
  verified: Promise<Verdict>,
): Promise<void> {
  const report: Verdict = await verified.catch((error: unknown) => {
    const found = storeError(error)
    if (!options.json || found?.code !== 'CAIRN_CORRUPTION') throw error
    return openingDamage(found)
  })
  await session.tell(options, report, () => {
    const { files, records, bytes, damage, foreign = [] } = report
    const ignored = foreign.length === 0 ? '' : `\nnot of this store: ${foreign.join(' ')}`
    if (report.ok) {
      const what = `${formatCount(records)} records in ${formatCount(files)} files`
      return `all is well: ${what}, ${formatBytes(bytes)} read and checked${ignored}`
    }
    return `damage in ${damage.length} places\n${damageTable(damage)}${ignored}`
  })
  if (!report.ok) session.exitCode = EXIT_FAILURE
}

function openingDamage({ file = '', offset = 0, message }: StoreError): VerifyReport {
  const damage = [{ file, offset, bytes: 0, reason: message }]
  return { ok: false, files: 0, records: 0, bytes: 0, damage }
}

export function damageTable(damage: readonly Damage[]): string {
  const rows = damage.map(({ file, offset, bytes, reason }) => {
    return [file, formatCount(offset), formatCount(bytes), reason]
  })
  return columnsTable(['file', 'offset', 'bytes', 'reason'], rows)
}
