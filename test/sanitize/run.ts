/**
 * Runs the tests with the addon built under sanitizers, and fails when a report names the addon.
 *
 * `npm run test:sanitize` makes two runs. ASan, UBSan and LSan: the C++ tests, and every test file
 * on the native plane. TSan: the C++ tests, and races.js, which has the sync thread, merges and
 * cold reads at work at once. Node's own reports, of which TSan gives a few, do not count.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = process.cwd()
const TESTS = dirname(dirname(fileURLToPath(import.meta.url)))
/** Tests of what has no native part, of processes that must not be slowed down, and of the loader,
 * which loads addons that are none. */
const LEFT_OUT = ['tidy.test.js', 'native/loader.test.js', 'interop/', 'cli/', 'twin/traces']
const AT_ONCE = 2

interface Sanitizer {
  readonly build: 'asan' | 'tsan'
  readonly runtime: string
  readonly options: Readonly<Record<string, string>>
}

interface Outcome {
  readonly name: string
  readonly status: number | null
  readonly output: string
  /** Reports that name the addon. */
  readonly reports: readonly string[]
}

const ASAN: Sanitizer = {
  build: 'asan',
  runtime: 'libasan.so',
  options: {
    ASAN_OPTIONS: 'detect_leaks=1:exitcode=66:allocator_may_return_null=1',
    // Leaks are judged by what they name: Node leaves some behind when it is ended.
    LSAN_OPTIONS: 'exitcode=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:exitcode=66',
  },
}
const TSAN: Sanitizer = {
  build: 'tsan',
  runtime: 'libtsan.so',
  options: { TSAN_OPTIONS: 'exitcode=0:halt_on_error=0:history_size=4' },
}

/** Runs one file under a sanitizer, with reports going to a file of their own. */
function runFile(sanitizer: Sanitizer, file: string, preload: string): Promise<Outcome> {
  const logs = mkdtempSync(join(tmpdir(), 'cairn-sanitize-'))
  const log = `:log_path=${join(logs, 'report')}`
  const options = Object.fromEntries(
    Object.entries(sanitizer.options).map(([name, value]) => [name, value + log]),
  )
  const child = spawn(process.execPath, [file], {
    cwd: ROOT,
    env: {
      ...process.env,
      ...options,
      LD_PRELOAD: preload,
      CAIRN_ADDON: addonOf(sanitizer),
      PLANES: 'native',
      TAP_TIMEOUT: '3600',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => output.push(chunk))
  return new Promise((resolve) => {
    child.on('close', (status) => {
      const reports = readdirSync(logs).flatMap((name) => reportsIn(join(logs, name)))
      rmSync(logs, { recursive: true })
      const name = relative(TESTS, file)
      resolve({ name, status, output: Buffer.concat(output).toString(), reports })
    })
  })
}

/** The reports of a log that name the addon. A log may hold several. */
function reportsIn(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  if (text.includes('LeakSanitizer')) return text.split(/\n\n/).filter(isOurLeak)
  // TSan does not see openat: to it a number that libuv has closed is still libuv's file.
  const isOurs = (report: string): boolean =>
    /cairn\.node|\/native\//.test(report) && !report.includes('Location is file descriptor')
  return text.split(/^={18}$/m).filter(isOurs)
}

/** Whether the addon itself asked for the memory, and not Node for it: a promise that a thread's
 * end leaves unsettled, say, is Node's to free. */
function isOurLeak(leak: string): boolean {
  return /leak of/.test(leak) && /^ *#1 .*cairn\.node/m.test(leak)
}

function addonOf(sanitizer: Sanitizer): string {
  return join(ROOT, 'build', sanitizer.build, 'cairn.node')
}

/** Where the compiler keeps the library that must be loaded first. */
function preloadOf(sanitizer: Sanitizer): string {
  const { stdout } = spawnSync('g++', [`-print-file-name=${sanitizer.runtime}`], {
    encoding: 'utf8',
  })
  return stdout.trim()
}

function build(sanitizer: Sanitizer): boolean {
  const env = { ...process.env, CAIRN_REQUIRE_NATIVE: '1' }
  const made = spawnSync(process.execPath, ['native/build.cjs', sanitizer.build], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  })
  return made.status === 0
}

/** The C++ tests; their own exit codes and reports end up in what ctest says. */
function runUnits(sanitizer: Sanitizer): boolean {
  const options = sanitizer.build === 'asan' ? ASAN.options : { TSAN_OPTIONS: 'exitcode=66' }
  const { status } = spawnSync(
    'ctest',
    ['--test-dir', join('build', sanitizer.build), '--output-on-failure', '-j', String(AT_ONCE)],
    { cwd: ROOT, env: { ...process.env, ...options }, stdio: 'inherit' },
  )
  return status === 0
}

function testFiles(): string[] {
  return readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js') && !LEFT_OUT.some((out) => name.startsWith(out)))
    .sort()
    .map((name) => join(TESTS, name))
}

/** Whether every file passes without a report. */
async function runFiles(sanitizer: Sanitizer, files: readonly string[]): Promise<boolean> {
  const preload = preloadOf(sanitizer)
  const waiting = [...files]
  let failures = 0
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const outcome = await runFile(sanitizer, file, preload)
      const isGood = outcome.status === 0 && outcome.reports.length === 0
      console.log(`${isGood ? 'ok' : 'not ok'} - ${sanitizer.build} ${outcome.name}`)
      if (isGood) continue
      failures++
      const told = outcome.reports.length > 0 ? outcome.reports.join('\n') : failed(outcome)
      console.log(told.slice(0, 12_000))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return failures === 0
}

function failed({ status, output }: Outcome): string {
  const lines = output.split('\n').filter((line) => /^\s*not ok|Error|ERROR|error:/.test(line))
  return `exit ${status}\n${lines.slice(0, 20).join('\n')}`
}

async function main(names: readonly string[]): Promise<void> {
  let isGood = true
  const chosen = names.filter((name) => name.endsWith('.js'))
  if (!names.includes('tsan')) {
    isGood = build(ASAN) && runUnits(ASAN) && isGood
    const files = chosen.length > 0 ? chosen.map((name) => join(TESTS, name)) : testFiles()
    isGood = (await runFiles(ASAN, files)) && isGood
  }
  if (!names.includes('asan')) {
    isGood = build(TSAN) && runUnits(TSAN) && isGood
    isGood = (await runFiles(TSAN, [join(TESTS, 'sanitize/races.js')])) && isGood
  }
  console.log(isGood ? 'sanitizers: clean' : 'sanitizers: NOT clean')
  process.exitCode = isGood ? 0 : 1
}

await main(process.argv.slice(2))
