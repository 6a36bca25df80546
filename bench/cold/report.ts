/** The cold bench's figures as a table. */
import { rounded } from '../figures.js'
import { tableText, type Column, type Line } from '../table.js'
import type { ColdPhase } from './child.js'

export interface ColdReport {
  readonly megabytes: number
  readonly rounds: number
  readonly phases: readonly ColdPhase[]
  readonly failures: readonly string[]
}

const COLUMNS: readonly Column[] = [
  { head: '', width: 25, left: true },
  { head: '\nreads', width: 7 },
  { head: '\nwaited', width: 7 },
  { head: 'from\ndisk, MB', width: 9 },
  { head: 'took,\ns', width: 6 },
  { head: 'timer\nlate, ms', width: 9 },
  { head: 'held,\nms', width: 6 },
  { head: 'collec-\ntor, ms', width: 8 },
  { head: 'monitor\nlate, ms', width: 9 },
  { head: 'idle\nthread', width: 7 },
]

export function coldText({ megabytes, rounds, phases, failures }: ColdReport): string {
  const lines = phases.flatMap((phase, at): Line[] => {
    const name = `${phase.plane}, ${phase.io}`
    return [...(phases[at - 1]?.plane === phase.plane ? [] : [name]), phaseLine(phase)]
  })
  const size = megabytes.toLocaleString('en-US')
  return [
    `Cold reads of a store of ${size} MB whose files were dropped from the page cache before`,
    `each phase (${phases[0]?.dropped ?? 'not at all'}), ${rounds} times: how late the event loop`,
    'was at most, by a timer of 5 ms and by the monitor of Node; for how long the program held it,',
    "that is without other programs and V8's collector; and how late the timer was in a thread",
    'that does nothing. Goal: held for 20 ms at most, in TypeScript 50.',
    tableText(COLUMNS, lines),
    ...failures.map((failure) => `not measured: ${failure}`),
  ].join('\n')
}

function phaseLine({ phase, reads, waited, diskBytes, lateness }: ColdPhase): Line {
  return [
    `  ${phase}`,
    reads.toLocaleString('en-US'),
    waited.toLocaleString('en-US'),
    diskBytes === undefined ? '' : rounded(diskBytes / 1e6),
    rounded(lateness.seconds),
    rounded(lateness.maxMs),
    rounded(lateness.ownMaxMs),
    rounded(lateness.collectorMaxMs),
    rounded(lateness.monitorMaxMs),
    rounded(lateness.idleThreadMaxMs),
  ]
}
