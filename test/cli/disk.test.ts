/**
 * A disk that runs full in the middle of a load: said clearly, nothing lost, continued later.
 */
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { cairn, cairnWith, documents, temporary } from './command.js'
import { eachPlane } from '../support/planes.js'

// Slow machines may take their time.
t.setTimeout(600_000)

const RECORDS = 30_000

function mount(...words: string[]): boolean {
  return spawnSync('mount', words, { stdio: 'ignore' }).status === 0
}

eachPlane(t, 'a full disk', async (t) => {
  const disk = join(await temporary(t), 'disk')
  await mkdir(disk)
  if (process.getuid?.() !== 0 || !mount('-t', 'tmpfs', '-o', 'size=2m', 'cairn-test', disk)) {
    t.plan(0, 'needs the right to mount a small tmpfs')
    return
  }
  try {
    const store = join(disk, 'store')
    const pad = 'x'.repeat(200)
    const text = Array.from({ length: RECORDS }, (_, at) => `{"id":${at},"p":"${pad}"}`).join('\n')
    const load = () => cairnWith(text, 'load', store, '-', '--key', 'id', '--json')
    const full = await load()
    t.equal(full.code, 1)
    t.match(full.errors, /^cairn: .*\(CAIRN_NO_SPACE\)\n {2}free some space/m)

    t.ok(mount('-o', 'remount,size=64m', disk), 'the disk has room again')
    t.equal((await cairn('verify', store)).code, 0)
    const ended = await load()
    t.equal(ended.code, 0, ended.errors)
    t.match(ended.errors, /going on from there/)
    t.match(documents(ended), [{ records: RECORDS }])
    t.equal((await cairn('count', store)).text, `${RECORDS}\n`)
  } finally {
    spawnSync('umount', [disk])
  }
})
