/** cairndb, the plane chosen as for any user; CAIRN_PLANE forces one. */
import { CairnLevel } from '../../lib/index.js'
import type { Engine } from '../engine.js'
import { LevelEngine } from './level.js'

export async function openEngine(directory: string): Promise<Engine> {
  const db = new CairnLevel<string, Buffer>(directory, { valueEncoding: 'buffer' })
  await db.open()
  const { name, io } = db.plane
  return new LevelEngine(db, `plane ${name}, io ${io}`)
}
