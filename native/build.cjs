// Builds the addon, or says plainly why not.
//
// node native/build.cjs                what `npm run build` does: build/Release/cairn.node, by
//                                      node-gyp. Without a compiler the TypeScript plane serves, and
//                                      this is no failure unless CAIRN_REQUIRE_NATIVE is 1.
// node native/build.cjs trace|asan|tsan   builds for tests, by cmake-js, in build/<name>: with the
//                                      recording native/os, or with sanitizers; and the C++ tests.
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.dirname(__dirname)
const SYSTEMS = ['linux', 'darwin']
const VARIANTS = {
  trace: ['--CDCAIRN_TRACE=ON'],
  asan: ['--CDCAIRN_TRACE=ON', '--CDCAIRN_SANITIZE=address,undefined'],
  tsan: ['--CDCAIRN_SANITIZE=thread'],
}
const WAIT_MS = 200

function main(variant) {
  const addon = path.join(ROOT, 'build', variant ?? 'Release', 'cairn.node')
  let wrong
  try {
    if (isNewest(addon, variant)) return
    wrong = build(addon, variant)
  } catch (error) {
    wrong = error.message.split('\n', 1)[0]
  }
  if (wrong !== undefined) unavailable(wrong, addon)
}

/** Undefined, or what went wrong. */
function build(addon, variant) {
  if (!SYSTEMS.includes(process.platform)) return `there is none for ${process.platform} yet`
  const compiler = compilerFound()
  if (compiler === undefined) return 'there is no C++ compiler'
  return alone(addon, () => {
    if (isNewest(addon, variant)) return undefined
    const begun = new Date()
    const wrong = variant === undefined ? release(compiler) : develop(variant)
    // Make leaves alone what has not changed; the next check shall see that all is up to date, but
    // for what was edited meanwhile.
    if (wrong === undefined) fs.utimesSync(addon, begun, begun)
    return wrong
  })
}

function unavailable(reason, addon) {
  // What an earlier build left there is not of these sources.
  try {
    fs.rmSync(addon, { force: true })
  } catch (error) {
    reason += `; and the addon of an earlier build stays: ${error.message}`
  }
  if (process.env.CAIRN_REQUIRE_NATIVE === '1') {
    console.error(`The native plane was not built: ${reason}.`)
    process.exitCode = 1
  } else console.log(`The native plane was not built, cairndb runs on TypeScript: ${reason}.`)
}

/** Whether the addon is newer than everything it, and the tests beside it, are made of. */
function isNewest(addon, variant) {
  const built = fs.statSync(addon, { throwIfNoEntry: false })
  if (built === undefined) return false
  const made = ['binding.gyp', 'CMakeLists.txt', ...filesOf('native')]
  if (variant !== undefined)
    made.push(...filesOf('test/native').filter((name) => /\.(cc|h)$/.test(name)))
  // A folder's own time tells of files that are gone.
  return made.every((name) => {
    const source = fs.statSync(path.join(ROOT, name), { throwIfNoEntry: false })
    return source !== undefined && source.mtimeMs <= built.mtimeMs
  })
}

function filesOf(folder) {
  const names = fs.readdirSync(path.join(ROOT, folder), { recursive: true })
  return names.map((name) => path.join(folder, name))
}

/** Runs `work` when no other process builds the same. */
function alone(addon, work) {
  const lock = `${path.dirname(addon)}.lock`
  const mine = `${lock}.${process.pid}`
  fs.mkdirSync(path.dirname(lock), { recursive: true })
  fs.writeFileSync(mine, String(process.pid))
  try {
    while (!isTaken(lock, mine))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS)
    try {
      return work()
    } finally {
      fs.rmSync(lock, { force: true })
    }
  } finally {
    fs.rmSync(mine)
  }
}

/** A lock is there with its owner in it, or not at all. */
function isTaken(lock, mine) {
  try {
    fs.linkSync(mine, lock)
    return true
  } catch (error) {
    // Some places know no links: there everyone builds.
    if (error.code !== 'EEXIST') return true
  }
  try {
    process.kill(Number(fs.readFileSync(lock, 'utf8')), 0)
  } catch (error) {
    // Its owner died, unless it has just let go.
    if (error.code === 'ESRCH') fs.rmSync(lock, { force: true })
    else if (error.code !== 'ENOENT' && error.code !== 'EPERM') throw error
  }
  return false
}

function compilerFound() {
  const { CXX } = process.env
  return (CXX ? [CXX] : ['g++', 'c++', 'clang++']).find((name) => {
    const [command, ...rest] = name.split(' ')
    return spawnSync(command, [...rest, '--version'], { stdio: 'ignore' }).status === 0
  })
}

/** Undefined, or what went wrong. */
function release(compiler) {
  const gyp = require.resolve('node-gyp/bin/node-gyp.js')
  const headers = path.resolve(process.execPath, '../../include/node/node_api.h')
  const nodedir = fs.existsSync(headers) ? [`--nodedir=${path.resolve(headers, '../../..')}`] : []
  // Make takes g++ by itself.
  const environment = compiler === 'g++' ? {} : { CXX: compiler }
  console.log('Building the native plane (a minute, once)...')
  // The list of sources is read when the build is configured.
  for (const step of [
    ['configure', ...nodedir],
    ['build', '--jobs=max'],
  ]) {
    const failure = run(process.execPath, [gyp, ...step], environment)
    if (failure !== undefined) return `node-gyp ${step[0]} failed:\n${failure}`
  }
  return undefined
}

/** Undefined, or what went wrong. */
function develop(variant) {
  const cmake = require.resolve('cmake-js/bin/cmake-js')
  const out = path.join('build', variant)
  const options = ['-O', out, '-B', 'RelWithDebInfo', '-p', '2']
  console.log(`Building the native plane for tests (${variant})...`)
  const failure = run(process.execPath, [cmake, 'compile', ...options, ...VARIANTS[variant]])
  return failure && `cmake-js compile failed:\n${failure}`
}

/** Undefined, or the last of what a failed command said. */
function run(command, options, environment = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, options, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status === 0) return undefined
  return error?.message ?? `${stdout}\n${stderr}`.trim().split('\n').slice(-25).join('\n')
}

const [variant] = process.argv.slice(2)
if (variant !== undefined && VARIANTS[variant] === undefined) {
  console.error(`'${variant}' is none of: ${Object.keys(VARIANTS).join(', ')}`)
  process.exitCode = 2
} else main(variant)
