/** Who may open a directory: the same process, threads, cluster workers, processes, the dead. */
import { execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import cluster from 'node:cluster'
import type { EventEmitter } from 'node:events'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Test } from 'tap'
import { describeSelf, identify, readHolder } from '../../lib/io/holder.js'
import type { Holder } from '../../lib/io/holder.js'
import { diskStorage } from '../../lib/io/index.js'
import type { Storage } from '../../lib/io/index.js'
import { READER_SLOTS, lockDirectory } from '../../lib/io/lock.js'
import { scratch } from '../support/scratch.js'
import { coded, namesOf } from './contract.js'

const CONTENDER = fileURLToPath(new URL('./contender.js', import.meta.url))
const LINUX = process.platform === 'linux'
const write = { readOnly: false, timeoutMs: 0 }
const read = { readOnly: true, timeoutMs: 0 }
const LOCKED = coded('CAIRN_LOCKED')

async function fresh(t: Test): Promise<Storage> {
  const storage = diskStorage(join(scratch(t), 'store'))
  await storage.createDirectory()
  return storage
}

interface Contender {
  /** What it said at first: `held`, or a code and a message. */
  readonly answer: string
  readonly pid: number | undefined
  release(): Promise<void>
  /** Ends it at once, as kill -9 does. */
  kill(): Promise<void>
}

type Start = (storage: Storage, options?: typeof write) => Promise<Contender>

/** In another process, by `fork` of this module or of the cluster's. */
const start =
  (spawnOne: (task: string) => EventEmitter & { send?: unknown }): Start =>
  async (storage, options = write) => {
    const child = spawnOne(
      JSON.stringify({ directory: storage.location, ...options }),
    ) as ReturnType<typeof fork> & { process?: ReturnType<typeof fork> }
    const system = child.process ?? child
    const answer = String((await once(child, 'message'))[0])
    return {
      answer,
      pid: system.pid,
      release: async () => {
        const released = once(child, 'message')
        child.send('release')
        await released
      },
      kill: async () => {
        if (system.exitCode !== null || system.signalCode !== null) return
        const exit = once(system, 'exit')
        system.kill('SIGKILL')
        await exit
      },
    }
  }

const inProcess = start((task) => fork(CONTENDER, [task]))
const inCluster = start((task) => {
  cluster.setupPrimary({ exec: CONTENDER, args: [task], execArgv: [] })
  return cluster.fork()
})
const inThread: Start = async (storage, options = write) => {
  const worker = new Worker(CONTENDER, { workerData: { directory: storage.location, ...options } })
  const answer = String((await once(worker, 'message'))[0])
  return {
    answer,
    pid: process.pid,
    release: async () => {
      worker.postMessage('release')
      await once(worker, 'message')
    },
    kill: async () => void (await worker.terminate()),
  }
}

const KINDS: [string, Start][] = [
  ['another process', inProcess],
  ['a worker thread', inThread],
  ['a cluster worker', inCluster],
]

for (const [kind, contend] of KINDS) {
  void t.test(`${kind} is kept out, and keeps out`, async (t) => {
    const storage = await fresh(t)
    const mine = await storage.lock(write)
    const refused = await contend(storage)
    t.match(refused.answer, new RegExp(`^CAIRN_LOCKED .*store.*process ${process.pid}`))
    await refused.kill()
    const reader = await contend(storage, read)
    t.match(reader.answer, /^CAIRN_LOCKED/)
    await reader.kill()
    await mine.release()
    const held = await contend(storage)
    t.equal(held.answer, 'held')
    await t.rejects(storage.lock(write), { ...LOCKED, message: new RegExp(`${held.pid}`) })
    await t.rejects(storage.lock(read), LOCKED)
    await held.release()
    await (await storage.lock(write)).release()
    await held.kill()
    const killed = await contend(storage)
    t.equal(killed.answer, 'held')
    await killed.kill()
    t.ok(fs.existsSync(join(storage.location, 'cairn.lock')), 'the dead leave it behind')
    const again = await storage.lock(write)
    await again.release()
    t.notOk(fs.existsSync(join(storage.location, 'cairn.lock')))
  })

  void t.test(`readers in ${kind}`, async (t) => {
    const storage = await fresh(t)
    const [mine, theirs] = [await storage.lock(read), await contend(storage, read)]
    t.equal(theirs.answer, 'held')
    t.same(await namesOf(storage), [], 'readers create no file')
    await mine.release()
    await t.rejects(storage.lock(write), LOCKED)
    await theirs.kill()
    await (await storage.lock(write)).release()
  })
}

void t.test('another process, after the thread that held it was ended', async (t) => {
  const storage = await fresh(t)
  const thread = await inThread(storage)
  await thread.kill()
  const other = await inProcess(storage)
  t.equal(other.answer, LINUX ? 'held' : other.answer, 'the socket is the truth')
  await other.kill()
})

void t.test('waiting for a holder to go away', async (t) => {
  const storage = await fresh(t)
  const other = await inProcess(storage)
  const waiting = storage.lock({ readOnly: false, timeoutMs: 60_000 })
  const given = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 150))])
  t.equal(given, undefined)
  await other.kill()
  await (await waiting).release()
})

void t.test('two paths to one directory', async (t) => {
  const storage = await fresh(t)
  const link = join(storage.location, '..', 'link')
  fs.symlinkSync(storage.location, link)
  const lock = await storage.lock(write)
  await t.rejects(diskStorage(link).lock(write), LOCKED)
  await t.rejects(diskStorage(join(link, '..', 'store', '.')).lock(write), LOCKED)
  await lock.release()
})

void t.test('a copied directory opens, a moved one stays locked', async (t) => {
  const storage = await fresh(t)
  const lock = await storage.lock(write)
  const [copied, moved] = ['copied', 'moved'].map((name) => join(storage.location, '..', name))
  fs.cpSync(storage.location, copied!, { recursive: true })
  t.ok(readHolder(join(copied!, 'cairn.lock')))
  await (await diskStorage(copied!).lock(write)).release()
  fs.renameSync(storage.location, moved!)
  await t.rejects(diskStorage(moved!).lock(write), LOCKED)
  await lock.release()
})

void t.test('what cairn.lock says', async (t) => {
  const storage = await fresh(t)
  const lock = await storage.lock(write)
  const path = join(storage.location, 'cairn.lock')
  const holder = readHolder(path)!
  t.equal(holder.pid, process.pid)
  t.equal(holder.directory, identify(storage.location))
  if (LINUX) t.match(holder.started, /^\d+$/)
  t.same(await namesOf(storage), ['LOCK', 'cairn.lock'])
  t.equal(fs.statSync(join(storage.location, 'LOCK')).size, 0)
  fs.writeFileSync(path, JSON.stringify({ ...holder, token: 'of somebody else' }))
  await lock.release()
  t.ok(fs.existsSync(path), 'another holder’s file is not removed')
})

/** What a cairn.lock may hold that binds nobody. */
const ILLEGIBLE: (string | Buffer)[] = [
  '',
  '\0'.repeat(200),
  '{"directory"',
  'null',
  '[]',
  '7',
  '{"__proto__":{"pid":1}}',
  '{"directory":"1:1","pid":"1","started":"","boot":"","network":"","token":""}',
  '{"directory":"1:1","pid":-1,"started":"","boot":"","network":"","token":""}',
  Buffer.alloc(1 << 20, '{'),
]

for (const platform of ['linux', 'darwin'] as const) {
  if (platform === 'linux' && !LINUX) continue
  const lockAs = (storage: Storage, options = write) =>
    lockDirectory(storage.location, options, platform)

  void t.test(`a cairn.lock that binds nobody, as on ${platform}`, async (t) => {
    const storage = await fresh(t)
    const path = join(storage.location, 'cairn.lock')
    for (const content of ILLEGIBLE) {
      fs.writeFileSync(path, content)
      const lock = await lockAs(storage)
      t.equal(readHolder(path)?.pid, process.pid, 'replaced')
      await lock.release()
      t.same(await namesOf(storage), ['LOCK'])
    }
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    const self = describeSelf(identify(storage.location), 'token')
    const elsewhere = { ...self, network: 'net:[1]' }
    const strangers: Holder[] = [
      { ...elsewhere, pid: dead },
      { ...elsewhere, directory: '1:1' },
      ...(LINUX
        ? [
            { ...elsewhere, started: '1' },
            { ...elsewhere, boot: 'another' },
          ]
        : []),
    ]
    for (const holder of strangers) {
      fs.writeFileSync(path, JSON.stringify(holder))
      await (await lockAs(storage)).release()
      fs.writeFileSync(path, JSON.stringify(holder))
      await (await lockAs(storage, read)).release()
      t.same(readHolder(path), holder, 'readers leave it')
    }
    fs.rmSync(path)
    execFileSync('mkfifo', [path])
    await (await lockAs(storage)).release()
    fs.symlinkSync('/dev/zero', path)
    await (await lockAs(storage)).release()
    fs.mkdirSync(path)
    await t.rejects(lockAs(storage), { name: 'StoreError' })
  })

  void t.test(`a cairn.lock of a living process elsewhere, as on ${platform}`, async (t) => {
    const storage = await fresh(t)
    const self = describeSelf(identify(storage.location), 'token')
    const path = join(storage.location, 'cairn.lock')
    fs.writeFileSync(path, JSON.stringify({ ...self, network: 'net:[1]' }))
    const expected = { ...LOCKED, message: new RegExp(`process ${process.pid}`) }
    await t.rejects(lockAs(storage), expected)
    await t.rejects(lockAs(storage, read), expected)
    fs.rmSync(path)
    await (await lockAs(storage)).release()
  })
}

void t.test('where there are no sockets', async (t) => {
  const storage = await fresh(t)
  const lock = await lockDirectory(storage.location, write, 'darwin')
  await t.rejects(lockDirectory(storage.location, write, 'darwin'), LOCKED)
  await t.rejects(lockDirectory(storage.location, read, 'darwin'), LOCKED)
  t.same(await namesOf(storage), ['LOCK', 'cairn.lock'])
  await lock.release()
  t.same(await namesOf(storage), ['LOCK'])
  for (let round = 0; round < 20; round++) {
    const path = join(storage.location, 'cairn.lock')
    if (round % 2 === 0) fs.writeFileSync(path, 'torn')
    const locks = await Promise.allSettled(
      Array.from({ length: 5 }, () => lockDirectory(storage.location, write, 'darwin')),
    )
    const held = locks.filter((each) => each.status === 'fulfilled')
    t.equal(held.length, 1)
    await held[0]!.value.release()
  }
})

void t.test('many at once: one writer, or readers', async (t) => {
  const storage = await fresh(t)
  for (let round = 0; round < 5; round++) {
    const locks = await Promise.allSettled(Array.from({ length: 8 }, () => storage.lock(write)))
    const held = locks.filter((each) => each.status === 'fulfilled')
    t.equal(held.length, 1)
    await held[0]!.value.release()
  }
  const readers = await Promise.all(Array.from({ length: READER_SLOTS }, () => storage.lock(read)))
  await t.rejects(storage.lock(read), { ...LOCKED, message: /64 readers/ })
  await readers[17]!.release()
  readers[17] = await storage.lock(read)
  for (const reader of readers) await reader.release()
  const mixed = await Promise.allSettled(
    Array.from({ length: 12 }, (_, i) => storage.lock(i % 3 === 0 ? write : read)),
  )
  const kinds = mixed.flatMap((each, i) => (each.status === 'fulfilled' ? [i % 3 === 0] : []))
  const writers = kinds.filter((isWriter) => isWriter).length
  t.ok(writers === 0 || kinds.length === 1, `${writers} writers among ${kinds.length}`)
  t.ok(kinds.length >= 1)
  for (const each of mixed) if (each.status === 'fulfilled') await each.value.release()
  await (await storage.lock(write)).release()
})

void t.test('processes that take turns', async (t) => {
  const storage = await fresh(t)
  const [processes, rounds] = process.env.CAIRN_CAMPAIGN === 'full' ? [4, 100] : [3, 10]
  const counter = join(storage.location, 'counter')
  fs.writeFileSync(counter, '0')
  const module = new URL('../../lib/io/index.js', import.meta.url).href
  const program = `
    import fs from 'node:fs'
    const { diskStorage } = await import(${JSON.stringify(module)})
    const storage = diskStorage(${JSON.stringify(storage.location)})
    for (let round = 0; round < ${rounds}; round++) {
      const reader = round % 3 === 2
      const lock = await storage.lock({ readOnly: reader, timeoutMs: 300_000 })
      const count = Number(fs.readFileSync(${JSON.stringify(counter)}))
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (!reader) fs.writeFileSync(${JSON.stringify(counter)}, String(count + 1))
      else if (Number(fs.readFileSync(${JSON.stringify(counter)})) !== count) process.exit(1)
      await lock.release()
    }`
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' }),
  )
  const exits = await Promise.all(children.map((child) => once(child, 'exit')))
  t.same(exits, Array(processes).fill([0, null]))
  const writes = processes * (rounds - Math.floor(rounds / 3))
  t.equal(fs.readFileSync(counter, 'latin1'), String(writes))
})

void t.test('a lock keeps no process alive', async (t) => {
  const storage = await fresh(t)
  const module = new URL('../../lib/io/index.js', import.meta.url).href
  const program = `
    const { diskStorage } = await import(${JSON.stringify(module)})
    await diskStorage(${JSON.stringify(storage.location)}).lock(${JSON.stringify(write)})
    console.log('held')`
  const node = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  t.equal(node.status, 0)
  t.equal(node.stdout, 'held\n')
  await (await storage.lock(write)).release()
})

void t.test('strangers who knock do no harm', { skip: !LINUX }, async (t) => {
  const storage = await fresh(t)
  const lock = await storage.lock(write)
  const knock = net.connect(`\0cairndb:${identify(storage.location)}:w`)
  knock.on('error', () => {})
  await once(knock, 'close')
  await t.rejects(storage.lock(write), LOCKED)
  await lock.release()
})

void t.test('a LevelDB that has the directory open', { skip: !LINUX }, async (t) => {
  const storage = await fresh(t)
  const { ClassicLevel } = await import('classic-level')
  const db = new ClassicLevel(storage.location)
  await db.open()
  const inode = fs.statSync(join(storage.location, 'LOCK')).ino
  const listed = (): boolean => fs.readFileSync('/proc/locks', 'latin1').includes(`:${inode} `)
  t.ok(listed(), 'the system lists its lock')
  await t.rejects(storage.lock(write), { ...LOCKED, message: /LevelDB/ })
  await t.rejects(storage.lock(read), LOCKED)
  t.ok(listed(), 'looking did not drop it')
  await db.close()
  await (await storage.lock(write)).release()
})

const unshare = LINUX && spawnSync('unshare', ['-n', 'true']).status === 0

void t.test('another network namespace', { skip: !unshare }, async (t) => {
  const storage = await fresh(t)
  const lock = await storage.lock(write)
  const contend = (options: typeof write) => {
    const task = JSON.stringify({ directory: storage.location, ...options })
    return start(() =>
      spawn('unshare', ['-n', process.execPath, CONTENDER, task], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    )(storage, options)
  }
  for (const options of [write, read]) {
    const other = await contend(options)
    t.match(other.answer, /^CAIRN_LOCKED .*namespace/)
    await other.kill()
  }
  await lock.release()
  const other = await contend(write)
  t.equal(other.answer, 'held')
  await t.rejects(storage.lock(write), LOCKED)
  await other.kill()
  await (await storage.lock(write)).release()
})
