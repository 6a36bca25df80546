/** classic-level: Google's LevelDB in C++. */
import type { Engine, Opening } from '../engine.js'
import { requireRival, versionOf } from './install.js'
import { optionsOf, LevelEngine, type Level } from './level.js'

interface ClassicModule {
  readonly ClassicLevel: new (directory: string, options: object) => Level
}

export async function openClassic(opening: Opening): Promise<Engine> {
  const { ClassicLevel } = requireRival('classic-level') as ClassicModule
  const db = new ClassicLevel(opening.directory, optionsOf(opening))
  await db.open()
  const version = versionOf('classic-level')
  const calls = 'unsynced put; synced { sync: true }, put and batch without other options'
  return new LevelEngine(
    db,
    `${version}, LevelDB 1.20, C++, cache 8 MiB, write buffer 4 MiB: ${calls}`,
  )
}
