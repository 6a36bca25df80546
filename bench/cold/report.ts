/** The cold bench's figures as a table. */
import Table from 'cli-table3'
import type { ColdPhase } from './child.js'

export interface ColdReport {
  readonly megabytes: number
  readonly rounds: number
  readonly phases: readonly ColdPhase[]
  readonly failures: readonly string[]
}

export function coldText({ megabytes, rounds, phases, failures }: ColdReport): string {
  const table = new Table({
    head: [
      'plane, io',
      'phase',
      'reads',
      'waited',
      'from disk',
      'took',
      'timer: max',
      'p99.9',
      'ours: max',
      'p99.9',
      'monitor: max',
      'p99.9',
      'idle thread',
    ],
    colAligns: ['left', 'left', ...Array<'right'>(11).fill('right')],
    style: { head: [], border: [], compact: true },
  })
  for (const { plane, io, phase, reads, waited, diskBytes, lateness } of phases) {
    const ms = (figure: number): string => `${figure.toFixed(1)} ms`
    table.push([
      `${plane}, ${io}`,
      phase,
      reads.toLocaleString('en-US'),
      waited.toLocaleString('en-US'),
      diskBytes === undefined ? '' : `${(diskBytes / 1e6).toFixed(1)} MB`,
      `${lateness.seconds.toFixed(2)} s`,
      ms(lateness.maxMs),
      ms(lateness.p999Ms),
      ms(lateness.ownMaxMs),
      ms(lateness.ownP999Ms),
      ms(lateness.monitorMaxMs),
      ms(lateness.monitorP999Ms),
      ms(lateness.idleThreadMaxMs),
    ])
  }
  return [
    `cold reads of a store of ${megabytes.toLocaleString('en-US')} MB, files dropped from the ` +
      `page cache before each phase, ${rounds} times (${phases[0]?.dropped ?? 'not at all'}):`,
    'how long the event loop was held, by a timer of 5 ms (ours: without the time that other',
    'programs had the processor) and by the monitor of Node (1 ms); and how late the same timer',
    'came at most in a thread that does nothing; goal: ours 20 ms at most, in TypeScript 50',
    table.toString(),
    ...failures.map((failure) => `not measured: ${failure}`),
  ].join('\n')
}
