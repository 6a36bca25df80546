/**
 * A process of the parts: the suite of one plane, or of the TypeScript plane's parts alone.
 */
import { createRequire } from 'node:module'
import { mkdir } from 'node:fs/promises'
import type Benchmark from 'benchmark'
import { diskStorage } from '../../lib/io/index.js'
import { selectPlane } from '../../lib/planes/select.js'
import { giveAnswer, readTask } from '../fork.js'
import { blockParts } from './block.js'
import { codingParts } from './coding.js'
import { filterParts } from './filter.js'
import type { Part, PartFigure } from './part.js'
import { planeParts } from './plane.js'
import { snappyParts } from './snappy.js'

export interface PartsTask {
  readonly plane: PartFigure['plane']
  readonly directory: string
  /** How long each part is measured. */
  readonly limits: Pick<Benchmark.Options, 'maxTime' | 'minTime' | 'minSamples'>
}

const CACHE_BYTES = 64 * 1024 * 1024
const MAX_OPEN_TABLES = 100

async function run({ plane: name, directory, limits }: PartsTask): Promise<PartFigure[]> {
  if (name === 'alone') {
    const parts = [...codingParts(), ...blockParts(), ...filterParts(), ...snappyParts()]
    return measure(name, parts, limits)
  }
  await mkdir(directory, { recursive: true })
  const storage = diskStorage(directory)
  const options = { storage, cacheBytes: CACHE_BYTES, maxOpenTables: MAX_OPEN_TABLES }
  const { plane } = selectPlane(name, options)
  const figures = await measure(name, await planeParts(plane, storage), limits)
  await plane.close()
  return figures
}

function measure(
  plane: PartFigure['plane'],
  parts: readonly Part[],
  limits: PartsTask['limits'],
): Promise<PartFigure[]> {
  const { Suite } = createRequire(import.meta.url)('benchmark') as typeof Benchmark
  const suite = new Suite(plane)
  const figures: PartFigure[] = []
  for (const part of parts) {
    const { run, runAsync } = part
    suite.add(part.name, runAsync === undefined ? run! : deferred(runAsync), {
      defer: runAsync !== undefined,
      ...limits,
      onComplete: (event: Benchmark.Event) => {
        const { hz, stats, error } = event.target as unknown as Benchmark
        if (error !== undefined) throw error
        const rate = hz * part.operations
        const bytes = part.bytes === undefined ? {} : { bytesPerSecond: rate * part.bytes }
        const { name } = part
        figures.push({ plane, name, nanoseconds: 1e9 / rate, ...bytes, percent: stats.rme })
      },
    })
  }
  return new Promise((resolve) => {
    suite.on('complete', () => resolve(figures)).run({ async: true })
  })
}

function deferred(run: () => Promise<unknown>): (waiting: Benchmark.Deferred) => void {
  return (waiting) => void run().then(() => waiting.resolve())
}

giveAnswer(await run(readTask<PartsTask>()))
