/**
 * native/build.cjs: it builds once, or says plainly why not.
 *
 * It runs in a package of its own, in a folder with a space in its name, with a node-gyp that
 * takes a moment and does as it is told. The compiler is node, which tells its version too.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { scratch } from '../support/scratch.js'
import { packageRoot } from './children.js'

const BUILDERS = 3
/** Notes when it begins and ends; makes what GYP_MAKES names, or fails. */
const GYP = `
const fs = require('node:fs')
const log = (what) => fs.appendFileSync('log', what + '\\n')
const [step] = process.argv.slice(2)
log('begin ' + step)
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
if (process.env.GYP_FAILS === step) {
  console.error('error: of the ' + step)
  process.exitCode = 1
} else if (step === 'build') {
  fs.mkdirSync('build/Release', { recursive: true })
  fs.writeFileSync('build/Release/cairn.node', 'new')
}
log('end ' + step)
`
const BUILT = ['begin configure', 'end configure', 'begin build', 'end build']

interface Place {
  readonly root: string
  readonly addon: string
  readonly lock: string
}

function place(t: Test): Place {
  const root = join(scratch(t), 'a folder')
  for (const folder of ['native', 'test/native', 'build/Release', 'node_modules/node-gyp/bin'])
    fs.mkdirSync(join(root, folder), { recursive: true })
  const build = join('native', 'build.cjs')
  fs.copyFileSync(join(packageRoot(), build), join(root, build))
  for (const name of ['binding.gyp', 'CMakeLists.txt']) fs.writeFileSync(join(root, name), '')
  fs.writeFileSync(join(root, 'node_modules/node-gyp/bin/node-gyp.js'), GYP)
  const addon = join(root, 'build/Release/cairn.node')
  return { root, addon, lock: join(root, 'build/Release.lock') }
}

/** An addon that is older than its sources. */
function stale(addon: string): void {
  fs.writeFileSync(addon, 'old')
  fs.utimesSync(addon, 1, 1)
}

interface Ran {
  readonly code: number | null
  readonly said: string
}

async function run({ root }: Place, environment: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const child = spawn(process.execPath, [join(root, 'native', 'build.cjs')], {
    cwd: '/',
    env: { ...process.env, CAIRN_REQUIRE_NATIVE: '', CXX: process.execPath, ...environment },
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await new Promise((resolve) => child.on('close', resolve))
  return { code: child.exitCode, said }
}

function logOf({ root }: Place): string[] {
  return fs.readFileSync(join(root, 'log'), 'utf8').trim().split('\n')
}

t.test('several at once build one after the other, and once', async (t) => {
  const here = place(t)
  stale(here.addon)
  const all = await Promise.all(Array.from({ length: BUILDERS }, () => run(here)))
  t.same(
    all.map(({ code }) => code),
    [0, 0, 0],
  )
  t.same(logOf(here), BUILT)
  t.equal(fs.readFileSync(here.addon, 'utf8'), 'new')
  t.same(fs.readdirSync(join(here.root, 'build')), ['Release'], 'no lock is left')
  t.same(await run(here), { code: 0, said: '' }, 'what is newest is left alone')
})

t.test('what is edited while it builds is built next', async (t) => {
  const here = place(t)
  const building = run(here)
  while (!fs.existsSync(join(here.root, 'log'))) await delay(5)
  fs.writeFileSync(join(here.root, 'native', 'edited.cc'), '')
  t.equal((await building).code, 0)
  await run(here)
  t.same(logOf(here), [...BUILT, ...BUILT])
})

t.test('the lock of a builder that died', async (t) => {
  const here = place(t)
  const dead = spawn(process.execPath, ['--version'])
  await new Promise((resolve) => dead.on('close', resolve))
  fs.writeFileSync(here.lock, String(dead.pid))
  t.equal((await run(here)).code, 0)
  t.same(logOf(here), BUILT)
})

const FAILURES: { name: string; environment?: NodeJS.ProcessEnv; says: RegExp; gyp?: false }[] = [
  { name: 'no compiler', environment: { CXX: '/no/such/compiler' }, says: /no C\+\+ compiler\.$/m },
  { name: 'no node-gyp', gyp: false, says: /: Cannot find module 'node-gyp[^\n]*\.$/m },
  {
    name: 'what can not be configured',
    environment: { GYP_FAILS: 'configure' },
    says: /configure/,
  },
  { name: 'what does not compile', environment: { GYP_FAILS: 'build' }, says: /of the build/ },
]

for (const { name, environment, says, gyp } of FAILURES)
  t.test(`${name}: said plainly, and no stale addon is left`, async (t) => {
    const here = place(t)
    if (gyp === false) fs.rmSync(join(here.root, 'node_modules'), { recursive: true })
    for (const [required, code] of [
      ['', 0],
      ['1', 1],
    ] as const) {
      stale(here.addon)
      const ran = await run(here, { ...environment, CAIRN_REQUIRE_NATIVE: required })
      t.equal(ran.code, code)
      t.match(ran.said, says)
      t.match(ran.said, /^The native plane was not built/m)
      t.notMatch(ran.said, /^\s+at /m, 'no stack')
      t.notOk(fs.existsSync(here.addon))
    }
  })
