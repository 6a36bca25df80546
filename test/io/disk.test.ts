/** Storage on disk: the contract, modes, what stands at a name, partial transfers, links. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { diskStorage } from '../../lib/io/index.js'
import { faultyStorage } from '../support/faulty.js'
import { scratch } from '../support/scratch.js'
import { coded, contract, get, namesOf, put } from './contract.js'

const root = scratch(t)
let made = 0
const fresh = () => diskStorage(join(root, `${++made}`, 'parent', 'store'))
const modeOf = (path: string) => (fs.statSync(path).mode & 0o777).toString(8)

contract('disk', fresh)
contract('disk under a wrapper', () => faultyStorage(fresh()))

void t.test('refuses what is not a path', async (t) => {
  for (const bad of ['', 'a\0b', undefined, 7])
    t.throws(() => diskStorage(bad as string), TypeError)
})

void t.test('modes whatever the umask', async (t) => {
  for (const umask of [0o000, 0o077, 0o277]) {
    const before = process.umask(umask)
    try {
      const storage = fresh()
      await storage.createDirectory()
      await storage.makeDirectory('lost')
      const lock = await storage.lock({ readOnly: false, timeoutMs: 0 })
      await put(storage, '000001.log', 'x')
      await storage.setCurrent('MANIFEST-000001')
      storage.log('line')
      const at = (name: string) => modeOf(join(storage.location, name))
      for (const directory of ['.', '..', '../..', 'lost']) t.equal(at(directory), '700', directory)
      for (const name of ['000001.log', 'CURRENT', 'LOG', 'LOCK', 'cairn.lock'])
        t.equal(at(name), '600', name)
      await lock.release()
    } finally {
      process.umask(before)
    }
  }
})

void t.test('what else may stand at a name', async (t) => {
  const storage = fresh()
  await storage.createDirectory()
  const at = (name: string) => join(storage.location, name)
  fs.writeFileSync(at('000001.ldb'), 'real')
  fs.symlinkSync(at('000001.ldb'), at('000002.ldb'))
  fs.symlinkSync(at('nowhere'), at('000003.ldb'))
  execFileSync('mkfifo', [at('000004.ldb')])
  fs.mkdirSync(at('000005.ldb'))
  for (const name of ['000002.ldb', '000003.ldb', '000004.ldb', '000005.ldb']) {
    await t.rejects(storage.open(name), { ...coded('CAIRN_IO'), file: name }, name)
    t.throws(() => storage.openSync(name), coded('CAIRN_IO'))
    await t.rejects(storage.create(name), coded('CAIRN_EXISTS'))
    await t.rejects(storage.copyTo(fresh(), name), coded('CAIRN_IO'))
  }
  t.same(
    (await storage.list('table')).map(({ name }) => name),
    ['000001.ldb'],
  )
  fs.symlinkSync(at('000001.ldb'), at('CURRENT'))
  await t.rejects(storage.getCurrent(), coded('CAIRN_IO'))
  await storage.setCurrent('MANIFEST-000001')
  t.equal(fs.readFileSync(at('000001.ldb'), 'latin1'), 'real', 'a link is replaced, not followed')
  fs.symlinkSync(root, at('lost'))
  await t.rejects(storage.makeDirectory('lost'), coded('CAIRN_EXISTS'))
  execFileSync('mkfifo', [at('LOG')])
  storage.log('nobody reads this')
})

void t.test('what else may stand at the directory', async (t) => {
  const file = diskStorage(join(root, 'file'))
  fs.writeFileSync(file.location, '')
  await t.rejects(file.createDirectory(), coded('CAIRN_EXISTS'))
  await t.rejects(file.exists(), coded('CAIRN_EXISTS'))
  await t.rejects(file.lock({ readOnly: true, timeoutMs: 0 }), coded('CAIRN_IO'))
  const below = diskStorage(join(root, 'file', 'store'))
  t.equal(await below.exists(), false)
  await t.rejects(below.createDirectory(), { name: 'StoreError' })
  const real = fresh()
  await real.createDirectory()
  fs.symlinkSync(real.location, join(root, 'link'))
  const link = diskStorage(join(root, 'link'))
  await link.createDirectory()
  await put(link, '000001.log', 'through the link')
  t.equal(await get(real, '000001.log'), 'through the link')
  fs.chmodSync(real.location, 0o755)
  await real.createDirectory()
  t.equal(modeOf(real.location), '755', 'an existing directory keeps its mode')
})

void t.test('a relative path stays where it was', async (t) => {
  const cwd = process.cwd()
  const directory = scratch(t)
  process.chdir(directory)
  try {
    const storage = diskStorage('store')
    process.chdir(root)
    await storage.createDirectory()
    t.ok(fs.statSync(join(directory, 'store')).isDirectory())
  } finally {
    process.chdir(cwd)
  }
})

void t.test('hard links between directories', async (t) => {
  const [storage, target] = [fresh(), fresh()]
  await storage.createDirectory()
  await target.createDirectory()
  await put(storage, '000001.ldb', 'table')
  t.equal(await storage.copyTo(target, '000001.ldb'), 'linked')
  t.equal(fs.statSync(join(target.location, '000001.ldb')).nlink, 2)
  const link = fs.promises.link
  t.teardown(() => (fs.promises.link = link))
  fs.promises.link = async () =>
    Promise.reject(Object.assign(new Error('EXDEV'), { code: 'EXDEV' }))
  t.equal(await storage.copyTo(target, '000001.ldb', '000002.ldb'), 'copied')
  t.equal(await get(target, '000002.ldb'), 'table')
  t.equal(modeOf(join(target.location, '000002.ldb')), '600')
})

type Call = 'read' | 'write'

/** Makes calls of node:fs behave by a list: a number of bytes at most, or an error's code. */
function script(
  t: { teardown(f: () => void): void },
  call: Call,
  steps: (number | string)[],
): void {
  const [plain, sync] = [fs[call], fs[`${call}Sync`]] as [unknown, unknown]
  const restore = () => Object.assign(fs, { [call]: plain, [`${call}Sync`]: sync })
  t.teardown(restore)
  const next = (length: number): number => {
    const step = steps.shift()
    if (step === undefined) return length
    if (typeof step === 'number') return Math.min(step, length)
    throw Object.assign(new Error(step), { code: step })
  }
  const inner = sync as (...args: unknown[]) => number
  const scripted = (fd: number, bytes: Uint8Array, from: number, length: number, at: number) => {
    const most = next(length)
    return most === 0 ? 0 : inner(fd, bytes, from, most, at)
  }
  Object.assign(fs, {
    [`${call}Sync`]: scripted,
    [call]: (...args: [number, Uint8Array, number, number, number, (...r: unknown[]) => void]) => {
      const [fd, bytes, from, length, at, callback] = args
      let result: unknown[]
      try {
        result = [null, scripted(fd, bytes, from, length, at)]
      } catch (error) {
        result = [error]
      }
      setImmediate(callback, ...result)
    },
  })
}

for (const form of ['sync', 'async'] as const) {
  void t.test(`partial transfers, ${form}`, async (t) => {
    const storage = fresh()
    await storage.createDirectory()
    const attempt = async (call: Call, steps: (number | string)[], bytes: Uint8Array) => {
      const file = await storage.create(`${++made}`)
      if (call === 'read') file.writeSync(Buffer.from('0123456789'), 0)
      await t.test(`${call} ${steps.slice(0, 5).join(', ')}`, async (t) => {
        script(t, call, steps)
        if (call === 'write')
          await (form === 'sync' ? file.writeSync(bytes, 2) : file.write(bytes, 2))
        else t.equal(form === 'sync' ? file.readSync(bytes, 2) : await file.read(bytes, 2), 8)
      })
      await file.close()
      return get(storage, file.name)
    }
    const ten = Buffer.from('abcdefghij')
    t.equal(await attempt('write', [3, 1], ten), '\0\0abcdefghij')
    t.equal(await attempt('write', ['EINTR', 4, 'EAGAIN', 'EINTR', 1], ten), '\0\0abcdefghij')
    const into = Buffer.alloc(20, '.')
    await attempt('read', [3, 'EINTR', 'EAGAIN', 2], into)
    t.equal(into.toString(), '23456789............')
    const fails = async (
      call: Call,
      steps: (number | string)[],
      code: 'CAIRN_IO' | 'CAIRN_NO_SPACE',
    ) => {
      const file = await storage.create(`${++made}`)
      await t.test(`${call} fails: ${steps.slice(0, 5).join(', ')}`, async (t) => {
        script(t, call, steps)
        const expected = { ...coded(code), file: file.name }
        if (form === 'sync') t.throws(() => file[`${call}Sync`](ten, 0), expected)
        else await t.rejects(async () => file[call](ten, 0), expected)
      })
      await file.close()
    }
    await fails('write', [5, 'ENOSPC'], 'CAIRN_NO_SPACE')
    await fails('write', [5, 'EDQUOT'], 'CAIRN_NO_SPACE')
    await fails('write', [5, 'EIO'], 'CAIRN_IO')
    await fails('write', [5, 0], 'CAIRN_IO')
    await fails('write', Array<string>(200).fill('EINTR'), 'CAIRN_IO')
    await fails('read', ['EIO'], 'CAIRN_IO')
    await fails('read', Array<string>(200).fill('EAGAIN'), 'CAIRN_IO')
  })
}

void t.test('a close waits for what is under way', async (t) => {
  const storage = fresh()
  await storage.createDirectory()
  const bytes = Buffer.alloc(1 << 20, 'a')
  for (let round = 0; round < 20; round++) {
    const [file, other] = [await storage.create(`a${round}`), await storage.create(`b${round}`)]
    const writes = Array.from({ length: 4 }, (_, i) => file.write(bytes, i * bytes.length))
    const closed = file.close()
    // Would be given the number of the closed file, and its bytes.
    const third = await storage.create(`c${round}`)
    await Promise.all([...writes, closed])
    t.equal(third.size(), 0)
    t.equal(fs.statSync(join(storage.location, `a${round}`)).size, 4 * bytes.length)
    await Promise.all([other.close(), third.close()])
    await storage.remove(`a${round}`)
  }
})

void t.test('memory given away during a transfer is an error, not a crash', async (t) => {
  const storage = fresh()
  await storage.createDirectory()
  const file = await storage.create('000001.log')
  await t.test('first part', async (t) => {
    script(t, 'write', [10])
    const bytes = new Uint8Array(100)
    const write = file.write(bytes, 0)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    await t.rejects(write, { name: 'StoreError' })
  })
  await file.close()
})

/** Replaces functions of an object until the test ends. */
function replace<T extends object>(t: Test, object: T, functions: Partial<T>): void {
  const names = Object.keys(functions) as (keyof T)[]
  const before = Object.fromEntries(names.map((name) => [name, object[name]]))
  t.teardown(() => Object.assign(object, before))
  Object.assign(object, functions)
}

const noList = !fs.existsSync('/proc/self/fd')

void t.test('what is synced, and in which order', { skip: noList }, async (t) => {
  const synced: string[] = []
  const { fsync, fdatasync } = fs
  const note = (fd: number) => synced.push(fs.readlinkSync(`/proc/self/fd/${fd}`))
  const noted = (sync: typeof fsync) =>
    Object.assign((fd: number, callback: fs.NoParamCallback) => {
      note(fd)
      sync(fd, callback)
    }, sync)
  replace(t, fs, { fsync: noted(fsync), fdatasync: noted(fdatasync) })
  const seen = async (operation: Promise<unknown>, expected: string[]) => {
    await operation
    t.same(synced.splice(0), expected)
  }
  const storage = fresh()
  const at = (...names: string[]) => join(storage.location, ...names)
  await seen(storage.createDirectory(), [join(root, '..'), root, at('..', '..'), at('..')])
  await seen(storage.createDirectory(), [at('..')])
  const setCurrent = storage.setCurrent('MANIFEST-000007')
  await seen(setCurrent, [at('000007.dbtmp'), at()])
  await seen(storage.createDirectory(), [])
  await storage.makeDirectory('lost')
  await seen(storage.syncDirectory(), [at()])
  await put(storage, '000001.log', 'x')
  await storage.rename('000001.log', 'lost/000001.log')
  synced.length = 0
  await seen(storage.syncDirectory(), [at('lost'), at()])
  await seen(storage.syncDirectory(), [at()])
  const file = await storage.open('lost/000001.log')
  await seen(file.sync(), [at('lost', '000001.log')])
  await file.close()
})

void t.test('syncs that fail', async (t) => {
  const storage = fresh()
  await storage.createDirectory()
  const file = await storage.create('000001.log')
  let code = 'EIO'
  const failing = (_: number, callback: fs.NoParamCallback) =>
    void setImmediate(() => callback(Object.assign(new Error(code), { code })))
  replace(t, fs, { fsync: failing as typeof fs.fsync, fdatasync: failing as typeof fs.fdatasync })
  await t.rejects(file.sync(), { ...coded('CAIRN_IO'), file: '000001.log' })
  await t.rejects(storage.syncDirectory(), coded('CAIRN_IO'))
  code = 'ENOSPC'
  await t.rejects(file.sync(), coded('CAIRN_NO_SPACE'))
  code = 'EINVAL'
  await storage.syncDirectory()
  await t.rejects(file.sync(), coded('CAIRN_IO'))
  await file.close()
})

void t.test('a rename on Windows is tried again while a scanner has the file', async (t) => {
  const storage = fresh()
  await storage.createDirectory()
  await put(storage, 'a', 'content')
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')!
  t.teardown(() => Object.defineProperty(process, 'platform', platform))
  const { rename } = fs.promises
  let failures = 2
  replace(t, fs.promises, {
    rename: async (from, to) => {
      if (failures-- > 0) throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
      await rename(from, to)
    },
  })
  await t.rejects(storage.rename('a', 'b'), coded('CAIRN_IO'), 'not elsewhere')
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' })
  failures = 2
  await storage.rename('a', 'b')
  t.equal(await get(storage, 'b'), 'content')
  failures = 1000
  await t.rejects(storage.rename('b', 'c'), coded('CAIRN_IO'))
})

const noLimits = spawnSync('prlimit', ['--version']).status !== 0

void t.test('a limit of file sizes fails the write whole', { skip: noLimits }, async (t) => {
  const storage = fresh()
  await storage.createDirectory()
  const module = new URL('../../lib/io/index.js', import.meta.url).href
  const program = `
    const { diskStorage } = await import(${JSON.stringify(module)})
    const file = await diskStorage(${JSON.stringify(storage.location)}).create('000001.log')
    // Node ignores the signal, but what a test runner puts into children may not.
    process.on('SIGXFSZ', () => {})
    const codes = []
    try { file.writeSync(Buffer.alloc(6000000), 0) } catch (error) { codes.push(error.code) }
    await file.write(Buffer.alloc(6000000), 0).catch((error) => codes.push(error.code))
    console.log(codes.join())`
  const node = [process.execPath, '--input-type=module', '-e', program]
  const run = spawnSync('prlimit', ['--fsize=4194304', ...node], { encoding: 'utf8' })
  t.equal(run.stdout.trim(), 'CAIRN_NO_SPACE,CAIRN_NO_SPACE', run.stderr)
})

void t.test('keeps no file open', { skip: noList }, async (t) => {
  const open = () => fs.readdirSync('/proc/self/fd').length
  const storage = fresh()
  await storage.createDirectory()
  const before = open()
  for (let i = 0; i < 3; i++) {
    const lock = await storage.lock({ readOnly: false, timeoutMs: 0 })
    await t.rejects(storage.lock({ readOnly: true, timeoutMs: 0 }), coded('CAIRN_LOCKED'))
    await storage.setCurrent('MANIFEST-000001')
    await t.rejects(storage.open('lost'), coded('CAIRN_MISSING'))
    await storage.getCurrent()
    storage.log('line')
    await lock.release()
  }
  t.equal(open(), before)
  t.same(await namesOf(storage), ['CURRENT', 'LOCK', 'LOG', 'LOG.old'])
})
