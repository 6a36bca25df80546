/**
 * The loader: which plane a store gets, and why, whatever stands in the addon's place.
 *
 * Proves item 5 of the native plane: a binary that is missing, stale, foreign, cut or no binary
 * gives the TypeScript plane and a reason, and CAIRN_NATIVE_UNAVAILABLE when native was demanded,
 * with the directory as it was; and that a refused io_uring gives threads that hold what they say.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { CairnLevel } from '../../lib/index.js'
import { findNative } from '../../lib/planes/native.js'
import { LIMIT_MS } from '../support/campaign.js'
import { listing } from '../support/directory.js'
import { nativeMissing, nativeRequired } from '../support/planes.js'
import { scratch } from '../support/scratch.js'
import { packageRoot, runChild, scriptBeside } from './children.js'
import type { ChildTask } from './children.js'
import type { Attempt, Opened } from './opener.js'

t.setTimeout(LIMIT_MS)

const OPENER = scriptBeside(import.meta.url, 'opener.js')
const WRITTEN = ['one', 'two', 'three', String(3 << 20)]
const CLEAN = {
  CAIRN_ADDON: undefined,
  CAIRN_PLANE: undefined,
  CAIRN_IO: undefined,
  CAIRNDB_PREBUILD: undefined,
}

/** Why this can not run here; a failure where the native plane is demanded. */
function without(what: string | undefined): { skip?: string } {
  if (what === undefined) return {}
  if (nativeRequired) t.fail(`the native plane is to be proven here, but ${what}`)
  return { skip: what }
}

const native = without(nativeMissing)
const search = findNative(process.env['CAIRN_ADDON'] || undefined)
const binary = search.addon === undefined ? '' : search.file

interface Way {
  readonly environment?: ChildTask['environment']
  readonly plane?: Attempt['plane']
  readonly under?: readonly string[]
  readonly script?: string
}

/** What a child that opens a store in `directory` says. */
async function opened(t: Test, directory: string, way: Way): Promise<Opened> {
  return (await attempted(t, way, [{ directory, plane: way.plane ?? 'auto' }]))[0]!
}

/** What one child says of several attempts. */
async function attempted(t: Test, way: Way, attempts: readonly Attempt[]): Promise<Opened[]> {
  const end = await runChild({
    script: way.script ?? OPENER,
    args: [JSON.stringify(attempts)],
    environment: { ...CLEAN, ...way.environment },
    ...(way.under && { under: way.under }),
  })
  t.same({ code: end.code, signal: end.signal }, { code: 0, signal: null }, end.complaint)
  return end.lines.map((line) => JSON.parse(line) as Opened)
}

async function isNative(t: Test, way: Way, io: string | undefined, reason: RegExp): Promise<void> {
  const { plane, found, message } = await opened(t, join(scratch(t), 'store'), way)
  t.match(plane, { name: 'native', ...(io && { io }), reason }, message ?? 'it is native')
  t.same(found, WRITTEN, 'what was written was read back')
}

/** Without a plane demanded: TypeScript and a reason. Demanded: an error, and nothing changed. */
async function isRefused(t: Test, way: Way, reason: RegExp): Promise<void> {
  const directory = join(scratch(t), 'store')
  const db = new CairnLevel(directory, { plane: 'typescript', infoLog: false })
  await db.put('key', 'value', { sync: true })
  await db.close()
  const before = listing(directory)
  const [free, ...demanded] = await attempted(t, way, [
    { directory: join(scratch(t), 'store'), plane: 'auto' },
    { directory, plane: 'native' },
    { directory, plane: 'auto', demanded: 'native' },
  ])
  t.match(free?.plane, { name: 'typescript', io: 'node:fs', reason }, free?.message ?? 'as told')
  t.same(free?.found, WRITTEN)
  t.equal(demanded.length, 2)
  for (const { codes, message } of demanded) {
    t.same(codes?.[0], 'LEVEL_DATABASE_NOT_OPEN')
    t.ok(codes?.includes('CAIRN_NATIVE_UNAVAILABLE'), `${String(codes)}: ${message}`)
    t.match(message, reason)
  }
  t.same(listing(directory), before, 'the directory is as it was')
}

const strace = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true'], { encoding: 'utf8' })
const straceMissing =
  strace.error !== undefined
    ? `there is no strace (${strace.error.message})`
    : strace.status === 0
      ? undefined
      : `strace may not trace here: ${strace.stderr}`

function refusing(error: string): string[] {
  const inject = `inject=io_uring_setup:error=${error}`
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=io_uring_setup', '-e', inject]
}

for (const [error, text] of [
  ['ENOSYS', 'Function not implemented'],
  ['EPERM', 'Operation not permitted'],
] as const)
  t.test(
    `io_uring refused with ${error}: threads, and nothing is lost`,
    native.skip ? native : without(straceMissing),
    async (t) => {
      const under = refusing(error)
      const reason = new RegExp(`no io_uring: io_uring_setup: ${text}`)
      await isNative(t, { under, environment: { CAIRN_ADDON: binary } }, 'threads', reason)
      const demanded = { CAIRN_ADDON: binary, CAIRN_IO: 'io_uring' }
      const directory = scratch(t)
      const { codes, message } = await opened(t, directory, { under, environment: demanded })
      t.ok(codes?.includes('CAIRN_NATIVE_UNAVAILABLE'), String(codes))
      t.match(message, /io_uring is refused/, 'a ring that is demanded is not replaced')
      t.same(fs.readdirSync(directory), [], 'nothing was left behind')
    },
  )

t.test('CAIRN_IO chooses how syncs are done', native, async (t) => {
  const environment = { CAIRN_ADDON: binary }
  await isNative(t, { environment: { ...environment, CAIRN_IO: '' } }, undefined, /proven/)
  const threads = { ...environment, CAIRN_IO: 'threads' }
  await isNative(t, { environment: threads }, 'threads', /no io_uring: threads were asked for/)
  const ring = { ...environment, CAIRN_IO: 'io_uring' }
  if (search.addon !== undefined && (await ringWorks(t)))
    await isNative(t, { environment: ring }, 'io_uring', /proven$/)
  else t.pass('this system has no io_uring')
  const directory = scratch(t)
  const nonsense = { ...environment, CAIRN_IO: 'nonsense' }
  const { codes, message } = await opened(t, directory, { environment: nonsense })
  t.same(codes?.at(-1), 'RangeError')
  t.match(message, /CAIRN_IO is 'nonsense'/)
  t.same(fs.readdirSync(directory), [])
})

async function ringWorks(t: Test): Promise<boolean> {
  const environment = { CAIRN_ADDON: binary }
  const { plane } = await opened(t, join(scratch(t), 'store'), { environment })
  return plane?.io === 'io_uring'
}

t.test('CAIRN_PLANE overrides the option', native, async (t) => {
  const environment = { CAIRN_ADDON: binary, CAIRN_PLANE: 'typescript' }
  const { plane, found } = await opened(t, join(scratch(t), 'store'), {
    environment,
    plane: 'native',
  })
  t.match(plane, { name: 'typescript', reason: 'CAIRN_PLANE asks for it' })
  t.same(found, WRITTEN)
  const demanded = { CAIRN_ADDON: binary, CAIRN_PLANE: 'native' }
  await isNative(t, { environment: demanded, plane: 'typescript' }, undefined, /proven/)
})

/** Gives a copy of the real binary in which every `from` reads `to`. */
function patched(directory: string, from: string, to: string): string {
  const bytes = fs.readFileSync(binary)
  let places = 0
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
    bytes.write(to, at, 'latin1')
    places++
  }
  if (places === 0) throw new Error(`the binary holds no ${from}`)
  return written(directory, bytes)
}

function written(directory: string, bytes: Uint8Array | string): string {
  const file = join(directory, 'cairn.node')
  fs.writeFileSync(file, bytes)
  return file
}

const FOREIGN_MACHINE = 0xf3
const MACHINE_AT = 18

/** What may stand where CAIRN_ADDON points, and what is said of it. */
const BINARIES: readonly [name: string, make: (folder: string) => string, reason: RegExp][] = [
  [
    'a stale one, by its revision',
    (folder) => patched(folder, 'revision\0', 'revisiom\0'),
    /was built for another version/,
  ],
  [
    'a stale one, by its formats',
    (folder) => patched(folder, 'BLOCK_TRAILER_BYTES\0', 'BLOCK_TRAILED_BYTES\0'),
    /was refused: its BLOCK_TRAILER_BYTES is not 5/,
  ],
  [
    'a stale one, by its error codes',
    (folder) => patched(folder, 'CAIRN_WRONG_KEY\0', 'CAIRN_WRONG_KEG\0'),
    /its error codes are others/,
  ],
  [
    'a stale one, by its functions',
    (folder) => patched(folder, 'memtableEntries\0', 'memtableEntrees\0'),
    /it has no memtableEntries/,
  ],
  ['another package’s', () => classicAddon(), /was built for another version/],
  [
    'a text file',
    (folder) => written(folder, 'not a library\n'.repeat(1000)),
    /invalid ELF header|slice|valid/,
  ],
  ['an empty file', (folder) => written(folder, ''), /too short|slice|valid/],
  ['a directory', (folder) => folder, /EISDIR|directory|Cannot find/],
  ['a missing file', (folder) => join(folder, 'missing.node'), /no such file.*missing\.node/],
  ['a relative path', () => './cairn.node', /CAIRN_ADDON is not an absolute path/],
]

function classicAddon(): string {
  const require = createRequire(import.meta.url)
  const build = require('node-gyp-build') as { resolve(directory: string): string }
  return build.resolve(dirname(require.resolve('classic-level/package.json')))
}

/** What can be said of such files by their format, on Linux. */
const CUT: typeof BINARIES = [
  [
    'its first bytes alone',
    (folder) => written(folder, fs.readFileSync(binary).subarray(0, 48)),
    /too short/,
  ],
  [
    'its first page alone',
    (folder) => written(folder, fs.readFileSync(binary).subarray(0, 4096)),
    /is cut short/,
  ],
  ['its first half', (folder) => written(folder, half(fs.readFileSync(binary))), /is cut short/],
  [
    'a binary for another machine',
    (folder) => {
      const bytes = fs.readFileSync(binary)
      bytes.writeUInt16LE(FOREIGN_MACHINE, MACHINE_AT)
      return written(folder, bytes)
    },
    /cannot open shared object file|wrong ELF/,
  ],
]

function half(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length >> 1)
}

for (const [name, make, reason] of [...BINARIES, ...(process.platform === 'linux' ? CUT : [])])
  t.test(`CAIRN_ADDON names ${name}`, native, async (t) => {
    await isRefused(t, { environment: { CAIRN_ADDON: make(scratch(t)) } }, reason)
  })

/** The compiled library as a package of its own, without an addon. Gives its opener. */
function packageIn(folder: string): { root: string; script: string } {
  const root = join(folder, 'package')
  const compiled = join(dirname(OPENER), '..', '..', 'lib')
  fs.mkdirSync(join(root, 'test', 'native'), { recursive: true })
  fs.cpSync(compiled, join(root, 'lib'), { recursive: true })
  const script = join(root, 'test', 'native', 'opener.js')
  fs.copyFileSync(OPENER, script)
  fs.copyFileSync(join(packageRoot(), 'package.json'), join(root, 'package.json'))
  fs.symlinkSync(join(packageRoot(), 'node_modules'), join(root, 'node_modules'))
  return { root, script }
}

t.test('a package without an addon', async (t) => {
  const { script } = packageIn(scratch(t))
  await isRefused(t, { script }, /holds no addon for this platform/)
})

t.test('an addon of the package is taken', native, async (t) => {
  const folder = scratch(t)
  const { root, script } = packageIn(folder)
  const place = join(root, 'build', 'Release')
  fs.mkdirSync(place, { recursive: true })
  fs.copyFileSync(binary, join(place, 'cairn.node'))
  await isNative(t, { script }, undefined, /package\/build\/Release\/cairn\.node is proven/)
  const link = join(folder, 'linked')
  fs.symlinkSync(root, link)
  const linked = join(link, 'test', 'native', 'opener.js')
  await isNative(t, { script: linked }, undefined, /proven/)
  await isNative(t, { script: linked, environment: { CAIRN_PLANE: 'native' } }, undefined, /proven/)
})

t.test('a prebuilt addon of the package is taken', native, async (t) => {
  const { root, script } = packageIn(scratch(t))
  const place = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
  fs.mkdirSync(place, { recursive: true })
  fs.copyFileSync(binary, join(place, 'node.napi.node'))
  await isNative(t, { script }, undefined, /prebuilds.*node\.napi\.node is proven/)
})

t.test('an addon outside the package is not taken unless CAIRN_ADDON names it', async (t) => {
  const folder = scratch(t)
  const { root, script } = packageIn(folder)
  const elsewhere = join(folder, 'elsewhere')
  const release = join(elsewhere, 'build', 'Release')
  fs.mkdirSync(release, { recursive: true })
  // What it is does not matter: it is not looked at.
  if (binary === '') fs.writeFileSync(join(release, 'cairn.node'), 'not a library')
  else fs.copyFileSync(binary, join(release, 'cairn.node'))
  const outside = /the addon lies outside this package, and CAIRN_ADDON does not name it/
  await isRefused(t, { script, environment: { CAIRNDB_PREBUILD: elsewhere } }, outside)
  fs.mkdirSync(join(root, 'build'))
  fs.symlinkSync(release, join(root, 'build', 'Release'))
  await isRefused(t, { script }, outside)
  fs.rmSync(join(root, 'build'), { recursive: true })
  fs.mkdirSync(join(root, 'build', 'Release'), { recursive: true })
  fs.symlinkSync(join(release, 'cairn.node'), join(root, 'build', 'Release', 'cairn.node'))
  await isRefused(t, { script }, outside)
  if (binary === '') return
  const named = { CAIRN_ADDON: join(release, 'cairn.node') }
  await isNative(t, { script, environment: named }, undefined, /elsewhere.*proven/)
})

for (const [name, make, reason] of BINARIES.filter(([name]) =>
  ['a text file', 'an empty file', 'a stale one, by its formats'].includes(name),
))
  t.test(`in the package's own place: ${name}`, native, async (t) => {
    const folder = scratch(t)
    const { root, script } = packageIn(folder)
    fs.mkdirSync(join(root, 'build', 'Release'), { recursive: true })
    fs.renameSync(make(folder), join(root, 'build', 'Release', 'cairn.node'))
    await isRefused(t, { script }, reason)
  })
