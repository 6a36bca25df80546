/**
 * What a tree tells of itself: `stats()` and LevelDB's properties.
 */
import type { Committer } from './committer.js'
import { LEVELS } from './options.js'
import type { TreeState } from './state.js'
import { bytesOf } from './version.js'

export interface LevelStats {
  readonly files: number
  readonly bytes: number
}

/** Times in milliseconds, sizes in bytes. Counters run from opening or `resetStats()`. */
export interface TreeStats {
  /** How often and how long writers waited for room. */
  readonly writeDelayCount: number
  readonly writeDelayMs: number
  /** Writers wait for room right now. */
  readonly writePaused: boolean
  readonly memtableBytes: number
  /** A full memtable is being flushed. */
  readonly frozen: boolean
  readonly levels: readonly LevelStats[]
  readonly compactions: number
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly openedTables: number
  readonly cachedBlockBytes: number
  readonly aliveSnapshots: number
  readonly aliveIterators: number
  /** Bytes of the journal that is written to. */
  readonly journalBytes: number
  readonly syncs: number
  readonly groups: number
  /** Bytes of writes that wait for their turn. */
  readonly waitingBytes: number
  /** The last failure of background work, if any. */
  readonly lastError?: Error
}

export function readStats(state: TreeState, committer: Committer): TreeStats {
  const { counters } = state
  const { openTables, cachedBlockBytes } = state.plane.cacheStats()
  return {
    writeDelayCount: counters.writeDelayCount,
    writeDelayMs: counters.writeDelayMs,
    writePaused: state.paused,
    memtableBytes: memtableBytes(state),
    frozen: state.frozen !== undefined,
    levels: state.levels.map((tables) => ({ files: tables.length, bytes: bytesOf(tables) })),
    compactions: counters.compactions,
    bytesRead: counters.bytesRead,
    bytesWritten: counters.bytesWritten,
    openedTables: openTables,
    cachedBlockBytes,
    aliveSnapshots: state.snapshots.count,
    aliveIterators: state.aliveCursors,
    journalBytes: state.journals === undefined ? 0 : state.journals.position,
    syncs: state.journals === undefined ? 0 : state.journals.syncs,
    groups: counters.groups,
    waitingBytes: committer.waitingBytes,
    ...(state.lastError && { lastError: state.lastError }),
  }
}

function memtableBytes(state: TreeState): number {
  return state.memtables.reduce((sum, memtable) => sum + memtable.bytes, 0)
}

/** A property by LevelDB's name; '' when it is unknown. */
export function readProperty(state: TreeState, committer: Committer, name: string): string {
  const files = /^leveldb\.num-files-at-level(\d)$/.exec(name)
  if (files) {
    const level = Number(files[1])
    return level < LEVELS ? String(state.levels[level]!.length) : ''
  }
  if (name === 'leveldb.stats') return levelsText(state)
  if (name === 'leveldb.sstables') return tablesText(state)
  const stats = readStats(state, committer)
  if (name === 'leveldb.approximate-memory-usage')
    return String(
      stats.cachedBlockBytes + state.memtables.reduce((sum, m) => sum + m.memoryBytes, 0),
    )
  if (name === 'leveldb.writedelay')
    return (
      `DelayN:${stats.writeDelayCount} Delay:${stats.writeDelayMs.toFixed(3)}ms ` +
      `Paused: ${stats.writePaused}`
    )
  return ''
}

function levelsText(state: TreeState): string {
  const rows = state.levels.flatMap((tables, level) => {
    if (tables.length === 0) return []
    const size = (bytesOf(tables) / 1048576).toFixed(1)
    return [`${String(level).padStart(5)} ${String(tables.length).padStart(8)} ${size.padStart(9)}`]
  })
  const { compactions, bytesRead, bytesWritten } = state.counters
  return [
    'Level    Files  Size(MB)',
    '------------------------',
    ...rows,
    `${compactions} compactions, ${bytesRead} bytes read, ${bytesWritten} bytes written`,
    '',
  ].join('\n')
}

function tablesText(state: TreeState): string {
  const lines = state.levels.map((tables, level) => {
    const rows = tables.map((t) => ` ${t.number}:${t.sizeBytes}`)
    return [`--- level ${level} ---`, ...rows].join('\n')
  })
  return `${lines.join('\n')}\n`
}
