/**
 * The parts by themselves, as suites of the package `benchmark`: through the seam on each plane,
 * and those of the TypeScript plane below it.
 */
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rounded } from '../figures.js'
import { runChild, stopping } from '../fork.js'
import { progressBar } from '../progress.js'
import { tableText, type Column, type Line } from '../table.js'
import type { PartsTask } from './child.js'
import type { PartFigure } from './part.js'

const PLANES = ['native', 'typescript', 'alone'] as const
export const PART_TITLES: Readonly<Record<PartFigure['plane'], string>> = {
  native: 'native plane, through the seam',
  typescript: 'TypeScript plane, through the seam',
  alone: 'TypeScript plane, parts alone; the native ones can not be called alone',
}
/** Per part, at most; `benchmark` itself takes some samples more. */
const FULL = { maxTime: 1, minSamples: 10 }
const QUICK = { maxTime: 0.02, minTime: 0.01, minSamples: 3 }

export interface PartsReport {
  readonly figures: readonly PartFigure[]
  readonly failures: readonly string[]
}

/** `directory` is made, and removed afterwards. */
export async function measureParts(directory: string, quick: boolean): Promise<PartsReport> {
  const file = fileURLToPath(new URL('child.js', import.meta.url))
  const limits = quick ? QUICK : FULL
  const figures: PartFigure[] = []
  const failures: string[] = []
  const bar = progressBar(PLANES.length)
  for (const plane of PLANES) {
    bar?.increment(0, { now: PART_TITLES[plane] })
    try {
      const task = { plane, directory, limits }
      figures.push(...(await runChild<PartsTask, PartFigure[]>(file, task)))
    } catch (error) {
      stopping.throwIfAborted()
      failures.push(`parts, ${plane}: ${(error as Error).message}`)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
    bar?.increment()
  }
  bar?.stop()
  return { figures, failures }
}

const COLUMNS: readonly Column[] = [
  { head: '', width: 46, left: true },
  { head: 'ns', width: 10 },
  { head: 'per second', width: 12 },
  { head: 'bytes', width: 12 },
  { head: '', width: 8 },
]

export function partsText({ figures, failures }: PartsReport): string {
  const lines = figures.flatMap((figure, at): Line[] => {
    const begins = figures[at - 1]?.plane !== figure.plane
    return [...(begins ? [PART_TITLES[figure.plane]] : []), figureLine(figure)]
  })
  return [tableText(COLUMNS, lines), ...failures.map((failure) => `not measured: ${failure}`)].join(
    '\n',
  )
}

function figureLine({ name, nanoseconds, bytesPerSecond, percent }: PartFigure): Line {
  return [
    `  ${name}`,
    rounded(nanoseconds),
    `${rounded(1e3 / nanoseconds)} M`,
    bytesPerSecond === undefined ? '' : `${rounded(bytesPerSecond / 1e9)} GB/s`,
    `±${percent.toFixed(1)}%`,
  ]
}
