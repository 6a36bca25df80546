/** classic-level: Google's LevelDB in C++. */
import { ClassicLevel } from 'classic-level'
import type { Engine } from '../engine.js'
import { LevelEngine } from './level.js'

export async function openEngine(directory: string): Promise<Engine> {
  const db = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer' })
  await db.open()
  return new LevelEngine(db, 'LevelDB 1.20, C++')
}
