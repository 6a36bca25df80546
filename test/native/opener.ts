/**
 * The child of loader.test.ts: opens a store, writes, syncs, closes, opens again and reads; so for
 * each attempt that it is given.
 *
 * Says one line of JSON for each: what the plane was, or the codes and messages of why it did not
 * open. Usage: node opener.js JSON-OF-ATTEMPTS
 */
import { CairnLevel } from '../../lib/stores/kv/index.js'

export interface Attempt {
  readonly directory: string
  readonly plane: 'auto' | 'native' | 'typescript'
  /** What CAIRN_PLANE is then; as the child was given it by default. */
  readonly demanded?: string
}

export interface Opened {
  readonly plane?: { readonly name: string; readonly io: string; readonly reason: string }
  /** What stood there after the store had been opened again. */
  readonly found?: readonly (string | undefined)[]
  /** The codes (or names) of the failure and its causes, outermost first. */
  readonly codes?: readonly string[]
  readonly message?: string
}

async function open({ directory, plane }: Attempt): Promise<Opened> {
  const options = { plane, infoLog: false }
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

for (const attempt of JSON.parse(process.argv[2]!) as Attempt[]) {
  if (attempt.demanded !== undefined) process.env['CAIRN_PLANE'] = attempt.demanded
  console.log(JSON.stringify(await open(attempt).catch(told)))
}
