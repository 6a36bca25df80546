/**
 * The child of loader.test.ts: opens a store, writes, syncs, closes, opens again and reads.
 *
 * Says one line of JSON: what the plane was, or the codes and messages of why it did not open.
 * Usage: node opener.js DIRECTORY PLANE
 */
import { CairnLevel } from '../../lib/index.js'

export interface Opened {
  readonly plane?: { readonly name: string; readonly io: string; readonly reason: string }
  /** What stood there after the store had been opened again. */
  readonly found?: readonly (string | undefined)[]
  /** The codes (or names) of the failure and its causes, outermost first. */
  readonly codes?: readonly string[]
  readonly message?: string
}

const [directory = '', plane = 'auto'] = process.argv.slice(2)

async function open(): Promise<Opened> {
  const options = { plane: plane as 'auto', infoLog: false }
  const db = new CairnLevel(directory, options)
  await db.open()
  const { name, io, reason } = db.plane
  await db.put('synced', 'one', { sync: true })
  await db.put('large', 'x'.repeat(3 << 20), { sync: true })
  await db.put('written', 'two')
  await db.flush()
  await db.put('last', 'three', { sync: true })
  await db.close()
  const again = new CairnLevel(directory, options)
  const found = await again.getMany(['synced', 'written', 'last'])
  found.push(String((await again.get('large'))?.length))
  await again.close()
  return { plane: { name, io, reason }, found }
}

function told(error: unknown): Opened {
  const codes: string[] = []
  let message = ''
  for (let at = error; at instanceof Error; at = at.cause) {
    codes.push((at as { code?: string }).code ?? at.name)
    message = at.message
  }
  return { codes, message }
}

console.log(JSON.stringify(await open().catch(told)))
