/**
 * Files that are cut, grown, filled with something else, replaced or removed while they are open:
 * a typed error, or the bytes as they were.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import type { DataPlane, View } from '../../lib/plane.js'
import { HOW, ENTRIES, keyOf, makeTableFile, read, recordsOf, valueOf } from './hostile-world.js'
import type { Scenario, World } from './hostile-world.js'

const NAME = '000005.ldb'

type Change = (path: string) => void

const CHANGES: Readonly<Record<string, Change>> = {
  'cut in half': (path) => fs.truncateSync(path, fs.statSync(path).size >> 1),
  'cut to nothing': (path) => fs.truncateSync(path, 0),
  'grown by a byte': (path) => fs.appendFileSync(path, 'x'),
  'grown by a mebibyte': (path) => fs.appendFileSync(path, Buffer.alloc(1 << 20)),
  'filled with zeros': (path) => overwrite(path, Buffer.alloc(fs.statSync(path).size)),
  'filled with noise': (path) => overwrite(path, Buffer.alloc(fs.statSync(path).size, 'noise')),
  'replaced by another file': (path) => {
    fs.writeFileSync(`${path}.tmp`, Buffer.alloc(fs.statSync(path).size, 'noise'))
    fs.renameSync(`${path}.tmp`, path)
  },
  'replaced by a directory': (path) => {
    fs.rmSync(path)
    fs.mkdirSync(path)
  },
  removed: (path) => fs.rmSync(path),
}

/** Overwrites in place: whoever has the file open sees it. */
function overwrite(path: string, bytes: Uint8Array): void {
  const file = fs.openSync(path, 'r+')
  fs.writeSync(file, bytes, 0, bytes.length, 0)
  fs.closeSync(file)
}

/** Looks up every key in both ways: how often the value was right, and the other outcomes. */
async function lookUpAll(plane: DataPlane, view: View): Promise<string> {
  const counts = new Map<string, number>()
  const count = (outcome: string): void => void counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  const judge = (value: string, i: number): void => count(value === valueOf(i) ? 'right' : 'WRONG')
  const failed = (error: unknown): void => {
    count((error as { code?: string }).code ?? String(error))
  }
  for (let i = 0; i < ENTRIES; i++) {
    try {
      judge(read(plane, view, keyOf(i)), i)
    } catch (error) {
      failed(error)
    }
    await plane
      .findCold(view, keyOf(i), 1e6, { ...HOW, fillCache: false })
      .then((value) => judge(Buffer.from(value ?? []).toString(), i), failed)
  }
  return [...counts.keys()].sort().join(' ')
}

async function changed(world: World, change: Change, used: boolean): Promise<string> {
  const { plane, storage, directory } = world
  const table = plane.openTable(await makeTableFile(storage))
  const view = plane.createView([[table]])
  if (used) for (let i = 0; i < 3; i++) read(plane, view, keyOf(i))
  change(join(directory, NAME))
  const told = await lookUpAll(plane, view)
  const verdict = await table.verify().then(
    ({ damage }) => (damage.length > 0 ? 'damaged' : 'sound'),
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  )
  table.close()
  return `${told}; ${verdict}`
}

const HONEST = '(right|CAIRN_CORRUPTION|CAIRN_IO|CAIRN_FORMAT_VERSION)'

/** Before its first use a changed table has no right answer; after it the old bytes may serve. */
function expectedOf(used: boolean): RegExp {
  const answers = used ? `${HONEST}( ${HONEST})*` : '(CAIRN_CORRUPTION|CAIRN_IO)'
  return new RegExp(`^${answers}; (damaged|CAIRN_IO|CAIRN_CORRUPTION)$`)
}

async function journalCut({ plane, directory }: World): Promise<string> {
  const writer = await plane.createJournal('000001.log')
  for (let i = 0; i < 40; i++) writer.append(Buffer.alloc(30_000, i))
  await writer.close()
  const reader = await plane.openJournal('000001.log')
  await reader.next()
  fs.truncateSync(join(directory, '000001.log'), 50_000)
  let records = 0
  for (; records < 100; records++) if ((await reader.next()) === undefined) break
  await reader.close()
  return `${records} more, ${reader.verdict?.kind}`
}

export const FILES: readonly Scenario[] = [
  ...Object.entries(CHANGES).flatMap(([what, change]) =>
    [false, true].map((used): Scenario => ({
      name: `a table ${what} ${used ? 'after' : 'before'} its first use`,
      expected: expectedOf(used),
      run: (world) => changed(world, change, used),
    })),
  ),
  {
    name: 'a journal cut while it is read',
    expected: /^StoreError CAIRN_IO |^\d+ more, (bad|end)$/,
    run: journalCut,
  },
  {
    name: 'a journal removed while it is written',
    expected: /^2 writes$/,
    run: async ({ plane, directory }) => {
      const writer = await plane.createJournal('000001.log')
      writer.append(Buffer.from('one'))
      fs.rmSync(join(directory, '000001.log'))
      writer.append(Buffer.from('two'))
      await writer.sync()
      await writer.close()
      return '2 writes'
    },
  },
  {
    name: 'a journal that another one writes to as well',
    expected: /^(end|bad): /,
    run: async ({ plane, directory }) => {
      const writer = await plane.createJournal('000001.log')
      writer.append(Buffer.alloc(5))
      fs.appendFileSync(join(directory, '000001.log'), 'something else')
      writer.append(Buffer.alloc(5))
      await writer.close()
      return recordsOf(plane, '000001.log')
    },
  },
  {
    name: 'what is no regular file',
    expected: /^((CAIRN_\w+) ?)+$/,
    run: async ({ plane, directory }) => {
      fs.mkdirSync(join(directory, '000002.log'))
      fs.symlinkSync('/dev/zero', join(directory, '000003.log'))
      const codes: string[] = []
      for (const name of ['000002.log', '000003.log'])
        await plane.openJournal(name).then(
          () => codes.push('opened'),
          (error: unknown) => codes.push((error as { code?: string }).code ?? String(error)),
        )
      return codes.join(' ')
    },
  },
]
