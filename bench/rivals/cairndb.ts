/** cairndb, on the plane that is asked for: one that can not be had is an error. */
import { CairnLevel } from '../../lib/index.js'
import type { Engine, Opening } from '../engine.js'
import { optionsOf, LevelEngine, type Level } from './level.js'

async function open(plane: 'native' | 'typescript', opening: Opening): Promise<Engine> {
  const options = { ...optionsOf(opening), plane }
  const db = new CairnLevel<never, never>(opening.directory, options)
  await db.open()
  const { name, io } = db.plane
  if (name !== plane) throw new Error(`the plane is ${name}, ${plane} was wanted`)
  const calls = 'unsynced put; synced { sync: true }, put and batch without other options'
  const buffers = 'cache 64 MiB, write buffer 4 MiB'
  const description = `cairndb, plane ${name}, io ${io}, ${buffers}: ${calls}`
  return new LevelEngine(db as unknown as Level, description)
}

export function openNative(opening: Opening): Promise<Engine> {
  return open('native', opening)
}

export function openTypescript(opening: Opening): Promise<Engine> {
  return open('typescript', opening)
}
