/**
 * Another process or worker thread that opens a store when it is told to, for lock.test.ts.
 *
 * Told `{ open: Claim }` it says `held`, or the codes and the message of the refusal; told `close`
 * it closes and says `closed`. It stays until it is ended.
 */
import { pathToFileURL } from 'node:url'
import { isMainThread, parentPort } from 'node:worker_threads'
import { ClassicLevel } from 'classic-level'
import { CairnLevel } from '../../lib/stores/kv/index.js'

export type Engine = 'native' | 'typescript' | 'classic'

export interface Claim {
  readonly directory: string
  readonly engine: Engine
}

export type Order = { readonly open: Claim } | 'close'

export interface Held {
  close(): Promise<void>
}

/** Opens; rejects with the refusal. */
export async function claim({ directory, engine }: Claim): Promise<Held> {
  const db =
    engine === 'classic'
      ? new ClassicLevel(directory)
      : new CairnLevel(directory, { plane: engine, infoLog: false })
  await db.open()
  return db
}

/** The codes of a refusal and of its causes, and the innermost message. */
export function refusal(error: unknown): string {
  const codes: string[] = []
  let message = ''
  for (let at = error; at instanceof Error; at = at.cause) {
    codes.push((at as { code?: string }).code ?? at.name)
    message = at.message
  }
  return `${codes.join(' ')}: ${message}`
}

function listen(): void {
  const say = (message: string): void => {
    if (parentPort) parentPort.postMessage(message)
    else process.send!(message)
  }
  let held: Held | undefined
  const obey = async (order: Order): Promise<string> => {
    if (order === 'close') {
      await held?.close()
      held = undefined
      return 'closed'
    }
    held = await claim(order.open)
    return 'held'
  }
  const receive = (order: Order): void => {
    void obey(order).catch(refusal).then(say)
  }
  if (parentPort) parentPort.on('message', receive)
  else process.on('message', receive)
  say('ready')
}

if (!isMainThread || import.meta.url === pathToFileURL(process.argv[1] ?? '').href) listen()
