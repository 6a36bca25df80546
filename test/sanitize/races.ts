/**
 * Everything that the native plane does beside the JavaScript thread, at once: for TSan.
 *
 * Eight stores in one environment and two more in worker threads write synced and unsynced, flush,
 * merge, read cold blocks, scan and close while work is under way; with the ring and with the sync
 * thread.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import { CairnLevel } from '../../lib/index.js'

const STORES = 8
const ROUNDS = 6
const PUTS = 400
const IN_FLIGHT = 16
const VALUE = Buffer.alloc(300, 'v')

const SMALL = {
  plane: 'native',
  keyEncoding: 'utf8',
  valueEncoding: 'buffer',
  writeBufferSize: 64 * 1024,
  // Nearly nothing is cached, so that reads go to the workers.
  cacheSize: 4096,
  maxFileSize: 32 * 1024,
  maxOpenFiles: 2,
} as const

type Store = CairnLevel<string, Buffer>

async function fill(store: Store, round: number): Promise<void> {
  let pending: Promise<void>[] = []
  for (let i = 0; i < PUTS; i++) {
    const key = String((i * 7919 + round) % 5000).padStart(8, '0')
    pending.push(store.put(key, VALUE, { sync: i % 3 === 0 }))
    if (pending.length < IN_FLIGHT) continue
    await Promise.all(pending)
    pending = []
  }
  await Promise.all(pending)
  // Beyond what goes inline: through the queue from a native copy.
  await store.put(`large${round}`, Buffer.alloc(300_000, 'l'), { sync: true })
}

async function read(store: Store, round: number): Promise<void> {
  const gets = Array.from({ length: 50 }, (_, i) =>
    store.get(String((i * 97 + round) % 5000).padStart(8, '0')),
  )
  let count = 0
  for await (const key of store.keys({ limit: 500, reverse: round % 2 === 0 })) count += key.length
  await Promise.all(gets)
  if (round > 0 && count === 0) throw new Error('nothing was read')
}

async function use(folder: string, name: string): Promise<void> {
  const store = new CairnLevel<string, Buffer>(join(folder, name), SMALL)
  for (let round = 0; round < ROUNDS; round++) {
    await store.open()
    await Promise.all([fill(store, round), read(store, round)])
    const compacting = store.compactRange('0', '9')
    await read(store, round)
    if (round % 2 === 0) await compacting
    else compacting.catch(() => {})
    // In the odd rounds it closes while the merge is under way.
    await store.close()
  }
}

async function useMany(folder: string, prefix: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => use(folder, `${prefix}${i}`)))
}

async function inWorker(folder: string): Promise<void> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: folder })
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))))
  })
}

if (isMainThread) {
  for (const io of ['threads', 'auto'] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-races-'))
    if (io === 'threads') process.env['CAIRN_IO'] = io
    else delete process.env['CAIRN_IO']
    try {
      await Promise.all([useMany(folder, 'store', STORES), inWorker(folder)])
    } finally {
      rmSync(folder, { recursive: true })
    }
    console.log(`${STORES} stores and a worker's 2 ran with CAIRN_IO ${io}`)
  }
} else await useMany(workerData as string, 'worker', 2)
