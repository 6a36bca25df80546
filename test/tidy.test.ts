/**
 * The laws of ARCHITECTURE.md that a program can check: a rule that is not a test is a wish.
 *
 * Sources are parsed with the TypeScript compiler, so imports and functions are what it sees.
 * Stands on: process.cwd() being the root of the project.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { STORE_ERROR_CODES } from '../lib/errors.js'

const MAX_FILE_LINES = 400
const MAX_FUNCTION_LINES = 70
const MAX_COLUMNS = 100
const MAX_SEAM_LINES = 250
const MAX_HEADER_LINES = 150
const SKIPPED = ['node_modules', 'dist', 'build', 'data', 'test/data', '.git', '.out', '.tap']
const TWINS = ['checksum', 'journal', 'blocks', 'memtable', 'table', 'view']
const NATIVE_ONLY = ['base', 'os', 'napi']
/** Each folder includes those before it. */
const NATIVE_ORDER = [
  ...[['base'], ['format'], ['os'], ['checksum']],
  ...[['journal', 'blocks', 'memtable', 'table'], ['view'], ['napi']],
]
const CONTROL = ['lsm', 'durable']

interface Import {
  readonly from: string
  /** A path from the root (`lib/io/disk.ts`), or the name of a package. */
  readonly target: string
  readonly typeOnly: boolean
  /** Names brought in; empty when the module as a whole is. */
  readonly names: readonly string[]
}

interface Source {
  readonly path: string
  readonly text: string
  readonly tree: ts.SourceFile
}

/** Every file of the project, as paths from the root with '/'. */
function walk(folder = '.'): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name)
    if (!entry.isDirectory()) return [path]
    return SKIPPED.includes(path) || entry.name === 'node_modules' ? [] : walk(path)
  })
}

const files = walk()
const sources: Source[] = files
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(path, 'utf8')
    return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) }
  })
const library = sources.filter(({ path }) => path.startsWith('lib/'))
const imports = sources.flatMap(importsOf)
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>
  files: string[]
  exports: Record<string, string | Record<string, string>>
  bin: Record<string, string>
  gypfile: boolean
  type: string
  dependencies: Record<string, string>
}

function importsOf({ path, tree }: Source): Import[] {
  const found: Import[] = []
  const add = (module: ts.Node, typeOnly: boolean, names: string[]): void => {
    if (!ts.isStringLiteralLike(module)) return
    const target = module.text.startsWith('.')
      ? posix.normalize(posix.join(posix.dirname(path), module.text)).replace(/\.js$/, '.ts')
      : module.text
    found.push({ from: path, target, typeOnly, names })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause
      const bindings = clause?.namedBindings
      const named = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : []
      const values = named.filter((element) => !element.isTypeOnly)
      const isType = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      const onlyTypes = named.length > 0 && values.length === 0 && clause?.name === undefined
      add(
        node.moduleSpecifier,
        isType || onlyTypes,
        values.map((element) => element.name.text),
      )
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node.moduleSpecifier, node.isTypeOnly, [])
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0]!, false, [])
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** The area of lib that a path belongs to (`io`, `lsm`), or the stem of a file in lib itself. */
function area(path: string): string {
  const [, second = ''] = path.split('/')
  return second.replace(/\.ts$/, '')
}

/** What each area may import: values from the first list, types from both. */
const MAY_IMPORT: Readonly<Record<string, readonly [values: string[], types: string[]]>> = {
  errors: [[], []],
  format: [['format', 'errors'], []],
  plane: [[], ['format']],
  io: [['io', 'format', 'errors'], []],
  checksum: [['checksum', 'format'], []],
  journal: [['journal', 'checksum', 'format', 'errors', 'plane'], ['io']],
  blocks: [['blocks', 'checksum', 'format', 'errors', 'plane'], ['io']],
  memtable: [
    ['memtable', 'format', 'errors', 'plane'],
    ['io', 'view'],
  ],
  table: [
    ['table', 'checksum', 'format', 'errors', 'plane'],
    ['io', 'view'],
  ],
  view: [['view', 'memtable', 'table', 'checksum', 'format', 'errors', 'plane'], ['io']],
  planes: [['planes', ...TWINS, 'io', 'format', 'errors', 'plane'], []],
  commit: [['commit', 'format', 'errors', 'plane'], ['io']],
  lsm: [['lsm', 'commit', 'format', 'errors', 'plane'], ['io']],
  durable: [['durable', 'commit', 'format', 'errors', 'plane'], ['io']],
  stores: [['stores', ...CONTROL, 'commit', 'io', 'format', 'errors', 'plane'], ['planes']],
  adapters: [['adapters', 'stores', 'errors'], []],
  index: [['stores', 'errors', 'io'], ['plane']],
  cli: [['cli', 'stores', 'errors', 'io'], ['plane']],
}

const FOLDERS = ['lib', 'native', 'test', 'bench', 'docs', 'prebuilds', '.ci']
const TOP = [
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'eslint.config.js', 'binding.gyp'],
  'CMakeLists.txt',
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE'],
  ...['.gitignore', '.prettierrc.json', '.prettierignore', '.clang-format', '.clang-tidy'],
]

t.test('the top level is the house', (t) => {
  const strangers = files.filter((path) => !FOLDERS.includes(path.split('/')[0]!))
  t.same(
    strangers.filter((path) => !TOP.includes(path)),
    [],
    'nothing else stands at the top',
  )
  for (const { path } of library)
    if (!Object.hasOwn(MAY_IMPORT, area(path))) t.fail(`${path}: no such room in the house`)
  t.end()
})

t.test('imports run one way', (t) => {
  for (const { from, target, typeOnly } of imports) {
    if (!from.startsWith('lib/')) continue
    if (!target.startsWith('lib/')) continue
    const [values, types] = MAY_IMPORT[area(from)] ?? [[], []]
    const ok =
      values.includes(area(target)) ||
      (typeOnly && types.includes(area(target))) ||
      (target === 'lib/planes/select.ts' && from.startsWith('lib/stores/'))
    if (!ok) t.fail(`${from} imports ${target}${typeOnly ? ' (types)' : ''}`)
  }
  const openings = imports.filter(
    ({ target, from }) => target === 'lib/planes/select.ts' && from.startsWith('lib/stores/'),
  )
  const stores = openings.map(({ from }) => posix.dirname(from))
  t.equal(new Set(stores).size, stores.length, 'one file of a store chooses its plane: its opening')
  const broken = imports.filter(
    ({ target }) => /^(lib|test|bench)\//.test(target) && !existsSync(target),
  )
  t.same(broken, [], 'every relative import is a file of the project and ends in .js')
  const reached = imports.filter(
    ({ from, target }) => from.startsWith('lib/') && /^(test|bench)\//.test(target),
  )
  t.same(reached, [], 'lib knows neither tests nor benchmarks')
  t.end()
})

t.test('no import runs in a circle', (t) => {
  const next = new Map<string, string[]>()
  for (const { from, target, typeOnly } of imports)
    if (!typeOnly && target.startsWith('lib/')) next.set(from, [...(next.get(from) ?? []), target])
  const done = new Set<string>()
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path))
      t.fail(`circle: ${[...trail.slice(trail.indexOf(path)), path].join(' > ')}`)
    else if (!done.has(path))
      for (const target of next.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of library) visit(path, [])
  t.end()
})

t.test('the seam is types, and three constants', (t) => {
  const seam = sources.find(({ path }) => path === 'lib/plane.ts')!
  t.ok(seam.text.split('\n').length <= MAX_SEAM_LINES, 'one page')
  for (const statement of seam.tree.statements) {
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
    const isConstant = ts.isVariableStatement(statement) && /= -\d$/.test(statement.getText())
    if (!isType && !isImport && !isConstant)
      t.fail(`not a type: ${statement.getText().slice(0, 60)}`)
  }
  t.end()
})

/** Whether a function is nothing but a class that it gives; its methods are functions too. */
function isMixin(body: ts.Node): boolean {
  const only = ts.isBlock(body) && body.statements.length === 1 ? body.statements[0] : undefined
  return only !== undefined && ts.isReturnStatement(only) && !!only.expression
    ? ts.isClassExpression(only.expression)
    : false
}

t.test('files, functions and lines keep their size', (t) => {
  for (const { path, text, tree } of sources) {
    const lines = text.split('\n')
    if (lines.length - 1 > MAX_FILE_LINES) t.fail(`${path}: ${lines.length - 1} lines`)
    lines.forEach((line, i) => {
      if ([...line].length > MAX_COLUMNS && !line.includes('://'))
        t.fail(`${path}:${i + 1}: ${line.length} columns`)
    })
    const lineOf = (position: number): number => tree.getLineAndCharacterOfPosition(position).line
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && 'body' in node && node.body) {
        const start = lineOf(node.getStart(tree))
        const count = lineOf(node.end) - start + 1
        if (count > MAX_FUNCTION_LINES && !isMixin(node.body))
          t.fail(`${path}:${start + 1}: a function of ${count} lines`)
      }
      ts.forEachChild(node, visit)
    }
    visit(tree)
  }
  t.end()
})

t.test('every source opens with what it is', (t) => {
  for (const { path, text } of sources)
    if (!/^(#!.*\n)?\/\*\*\s/.test(text)) t.fail(`${path}: no docblock at its top`)
  t.end()
})

const native = files
  .filter((path) => /^native\/.*\.(h|cc)$/.test(path))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }))

/** The twin of a C++ file: at its own path, or where its opening comment says. */
function twinOf({ path, text }: { path: string; text: string }): string {
  const named = /^\/\/ Twin: (lib\/\S+\.ts)/m.exec(text)?.[1]
  return named ?? path.replace(/^native/, 'lib').replace(/(_(x86|arm|none))?\.(h|cc)$/, '.ts')
}

t.test('a folder in both trees is a twin', (t) => {
  const twins = native.filter(({ path }) => !NATIVE_ONLY.includes(area(path)))
  for (const source of twins)
    if (!existsSync(twinOf(source))) t.fail(`${source.path} has no twin ${twinOf(source)}`)
  const written = new Set(twins.map(twinOf))
  for (const folder of TWINS) {
    if (!existsSync(`native/${folder}`)) continue
    for (const { path } of library.filter((source) => area(source.path) === folder))
      if (!written.has(path)) t.fail(`${path} has no native twin`)
  }
  for (const { path, text } of library)
    if (TWINS.includes(area(path)) && !/Twin: native\/|Stands on:/.test(text))
      t.fail(`${path} does not name its twin`)
  t.end()
})

t.test('C++ keeps its size, says what it is and includes one way', (t) => {
  for (const { path, text } of native) {
    const lines = text.split('\n')
    const most = path.endsWith('.h') ? MAX_HEADER_LINES : MAX_FILE_LINES
    if (lines.length - 1 > most) t.fail(`${path}: ${lines.length - 1} lines`)
    if (!text.startsWith('// ')) t.fail(`${path}: no comment at its top`)
    lines.forEach((line, i) => {
      if ([...line].length > MAX_COLUMNS) t.fail(`${path}:${i + 1}: ${[...line].length} columns`)
    })
    const rank = NATIVE_ORDER.findIndex((folders) => folders.includes(area(path)))
    for (const [, target = ''] of text.matchAll(/^#include "(\w+)\//gm)) {
      const below = NATIVE_ORDER.slice(0, rank).flat()
      if (target !== area(path) && !below.includes(target)) t.fail(`${path} includes ${target}/`)
    }
    for (const [, header = ''] of text.matchAll(/^#include <([^>]+)>/gm)) {
      if (/^(node_api|napi|uv|js_native_api)\.h$/.test(header) && area(path) !== 'napi')
        t.fail(`${path} knows Node: ${header}`)
      // What a processor can do is asked for in sys/auxv.h.
      if (/^(unistd|fcntl|pthread|poll|sys\/(?!auxv).*|linux\/.*)(\.h)?$/.test(header))
        if (area(path) !== 'os') t.fail(`${path} knows the system: ${header}`)
    }
  }
  t.end()
})

t.test('names say what a thing is', (t) => {
  const vague = /^(utils?|helpers?|common|managers?|misc|impl|.*[-_.](impl|v\d+)|v\d+)$/i
  for (const path of files)
    for (const part of path.split('/'))
      if (vague.test(part.replace(/\.(test\.)?(ts|js|cc|h|md)$/, ''))) t.fail(`${path}: ${part}`)
  t.end()
})

t.test('every error code has its heading, and no heading is without a code', (t) => {
  const headings = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^## `?(CAIRN_\w+)`?\s*$/gm)]
  t.same(headings.map((match) => match[1]).sort(), [...STORE_ERROR_CODES].sort())
  t.end()
})

t.test('links of the documents lead somewhere', (t) => {
  const slug = (heading: string): string =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  const anchors = (path: string): string[] =>
    [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) => slug(match[1]!))
  for (const path of files.filter((name) => name.endsWith('.md'))) {
    const text = readFileSync(path, 'utf8').replace(/```.*?```/gs, '')
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(link)) continue
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : normalize(join(dirname(path), file))
      if (!existsSync(target)) t.fail(`${path}: ${link} leads nowhere`)
      else if (anchor !== undefined && !anchors(target).includes(anchor))
        t.fail(`${path}: ${link} has no such heading`)
    }
  }
  t.end()
})

t.test('nothing is left for later, and no machine shows through', (t) => {
  // Built from pieces, or this file would find itself.
  const left = new RegExp(
    ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].map((word) => `\\b${word}\\b`).join('|'),
  )
  const local = new RegExp(
    ['/wo' + 'rk/', '/ho' + 'me/', '/ro' + 'ot/', '\\.libr' + 'ary', '/sha' + 'red/'].join('|'),
  )
  for (const path of files) {
    if (!/\.(ts|js|mjs|md|json|gyp|cc|h)$|^\.ci\/|^\.[a-z-]+$/.test(path)) continue
    const text = readFileSync(path, 'utf8')
    if (path !== 'package-lock.json' && left.test(text)) t.fail(`${path}: ${left.exec(text)![0]}`)
    if (local.test(text)) t.fail(`${path}: ${local.exec(text)![0]}`)
  }
  const lock = readFileSync('package-lock.json', 'utf8')
  const hosts = [...lock.matchAll(/"resolved": "(?!https:\/\/registry\.npmjs\.org\/)[^"]*"/g)]
  t.same(hosts, [], 'the lockfile names no other registry')
  t.end()
})

t.test('package.json is the contract', (t) => {
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'preuninstall'])
    t.notOk(Object.hasOwn(manifest.scripts, name), `no ${name} script`)
  t.equal(manifest.gypfile, false)
  t.equal(manifest.type, 'module')
  const shipped = 'dist/lib lib native binding.gyp prebuilds docs ARCHITECTURE.md'
  t.same(manifest.files, shipped.split(' '))
  const built = fileURLToPath(new URL('../', import.meta.url))
  const targets = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : [entry['default']!],
  )
  for (const target of [...targets, ...Object.values(manifest.bin)])
    if (target.startsWith('./dist/'))
      t.ok(existsSync(join(built, target.slice('./dist/'.length))), `${target} is built`)
  t.end()
})

t.test('every run-time dependency is used, named and explained', (t) => {
  const architecture = readFileSync('ARCHITECTURE.md', 'utf8')
  const known = new Set(builtinModules.map((name) => `node:${name}`))
  const used = new Set<string>()
  for (const { from, target } of imports) {
    if (!from.startsWith('lib/') || target.startsWith('lib/') || known.has(target)) continue
    const name = target
      .split('/')
      .slice(0, target.startsWith('@') ? 2 : 1)
      .join('/')
    used.add(name)
    const isCore = ['abstract-level', 'node-gyp-build'].includes(name)
    if (!isCore && area(from) !== 'cli') t.fail(`${from} imports ${name}: only the command may`)
    if (!Object.hasOwn(manifest.dependencies, name)) t.fail(`${from}: ${name} is no dependency`)
  }
  for (const name of Object.keys(manifest.dependencies)) {
    if (!architecture.includes(`\`${name}\``)) t.fail(`ARCHITECTURE.md does not name ${name}`)
    // node-gyp-build is a CommonJS module that lib/planes/native.ts requires.
    if (!used.has(name) && name !== 'node-gyp-build') t.fail(`nothing imports ${name}`)
  }
  t.end()
})
