/**
 * File names of a store's directory: LevelDB's and the two that cairndb adds, and those of journal
 * and map stores. No name of the ones is a name of the others, but for locks, LOG and the seal.
 * Format: docs/format/files.md, docs/format/store.md
 */
export const FILE_CURRENT = 'CURRENT'
export const FILE_LOCK = 'LOCK'
export const FILE_CAIRN_LOCK = 'cairn.lock'
export const FILE_SEAL = 'CAIRN-SEAL'
export const FILE_LOG = 'LOG'
export const FILE_LOG_OLD = 'LOG.old'
/** Where repair and salvage keep what they could not read. */
export const DIRECTORY_LOST = 'lost'
/** What a journal or map store is. */
export const FILE_STORE = 'CAIRN-STORE'
/** The keys of one that is encrypted. */
export const FILE_KEYS = 'KEYS'
/** Where salvage keeps its files as they were before it changed them. */
export const DIRECTORY_DAMAGED = 'damaged'
/** Where a map store has its segments, and its snapshots. */
export const DIRECTORY_WAL = 'wal'
export const DIRECTORY_SNAPSHOTS = 'snapshots'

export type FileKind =
  | ('journal' | 'table' | 'manifest' | 'current')
  | ('store' | 'keys' | 'segment' | 'snapshot')
  | ('temporary' | 'lock' | 'seal' | 'log' | 'unknown')

function numbered(number: number): string {
  return String(number).padStart(6, '0')
}

export function journalName(number: number): string {
  return `${numbered(number)}.log`
}

/** `suffix` is 'sst' for tables of old LevelDB. */
export function tableName(number: number, suffix: 'ldb' | 'sst' = 'ldb'): string {
  return `${numbered(number)}.${suffix}`
}

export function manifestName(number: number): string {
  return `MANIFEST-${numbered(number)}`
}

export function temporaryName(number: number): string {
  return `${numbered(number)}.dbtmp`
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.journal`
}

export function snapshotName(number: number): string {
  return `${String(number).padStart(8, '0')}.snapshot`
}

const FIXED: Readonly<Record<string, FileKind>> = {
  [FILE_CURRENT]: 'current',
  [FILE_LOCK]: 'lock',
  [FILE_CAIRN_LOCK]: 'lock',
  [FILE_SEAL]: 'seal',
  [FILE_STORE]: 'store',
  [FILE_KEYS]: 'keys',
  [FILE_LOG]: 'log',
  [FILE_LOG_OLD]: 'log',
}

const SUFFIXES: Readonly<Record<string, FileKind>> = {
  log: 'journal',
  ldb: 'table',
  sst: 'table',
  dbtmp: 'temporary',
  tmp: 'temporary',
  journal: 'segment',
  snapshot: 'snapshot',
  new: 'temporary',
}

/** Eight digits, or as many as the number needs: no two names have the same number. */
const DURABLE = /^(?:CAIRN-STORE|KEYS|(\d{8}|[1-9]\d{8,15})\.(?:journal|snapshot))(?:\.new)?$/

/** Whether a file of this name can only be a journal or map store's. */
export function isDurableName(name: string): boolean {
  return DURABLE.test(name)
}

/** What a name says. Numbers are decimal, up to 2^53 - 1; goleveldb's names are known too. */
export function parseFileName(name: string): { kind: FileKind; number: number } {
  const fixed = Object.hasOwn(FIXED, name) ? FIXED[name] : undefined
  if (fixed !== undefined) return { kind: fixed, number: 0 }
  const manifest = /^MANIFEST-(\d{1,16})$/.exec(name)
  if (manifest) return numberedKind('manifest', manifest[1]!)
  const file = /^(\d{1,16})\.(log|ldb|sst|dbtmp|tmp)$/.exec(name)
  if (file) return numberedKind(SUFFIXES[file[2]!]!, file[1]!)
  const durable = DURABLE.exec(name)
  if (durable) return numberedKind(SUFFIXES[name.split('.').at(-1)!]!, durable[1] ?? '0')
  if (/^(CURRENT\.(\d{1,16}|bak)|(CAIRN-SEAL|cairn\.lock)\.[0-9a-z.-]+)$/.test(name))
    return { kind: 'temporary', number: 0 }
  return { kind: 'unknown', number: 0 }
}

function numberedKind(kind: FileKind, digits: string): { kind: FileKind; number: number } {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? { kind, number } : { kind: 'unknown', number: 0 }
}
