/**
 * Threads that come and go, objects that are forgotten, and what keeps a process alive.
 *
 * Each scene is a process of its own. Nothing of it depends on time: a scene that hangs is ended
 * after a long while, and fails. The planes behave alike, so both play the scenes.
 */
import t from 'tap'
import { LIMIT_MS, isFull } from '../support/campaign.js'
import { PLANES } from '../support/planes.js'
import type { PlaneName } from '../support/planes.js'
import { scratch } from '../support/scratch.js'
import { runChild, scriptBeside } from './children.js'

t.setTimeout(LIMIT_MS)

const SCENE = scriptBeside(import.meta.url, 'scene.js')
const IO = ['auto', 'threads'] as const

/** What each scene proves. */
const SCENES: Readonly<Record<string, string>> = {
  eight: 'nine threads with a store each, all of them close',
  eightTerminated: 'eight threads with a store each, all terminated at once',
  terminateBusy: 'a thread is terminated with writes, reads and merges under way',
  terminateMerge: 'a thread is terminated in a merge',
  terminateCold: 'a thread is terminated in cold reads',
  terminateLarge: 'a thread is terminated while 64 MiB are written',
  terminateReader: 'a thread is terminated while journals are read',
  leaks: 'many stores that were closed leave nothing behind',
  collected: 'iterators and snapshots that nobody closed',
  collectedPlanes: 'planes and all of their parts that nobody closed',
  collectedStores: 'stores that nobody closed',
  closing: 'close() waits for, or refuses, what is under way',
  closingPlane: 'a plane closes under its own loads',
  awaitPut: 'a process lives for as long as a synced put',
  awaitLarge: 'a process lives for as long as a large put',
  awaitGet: 'a process lives for as long as a cold get',
  awaitIterator: 'a process lives for as long as an iterator reads',
  awaitMerge: 'a process lives for as long as a merge that is waited for',
  awaitVerify: 'a process lives for as long as a verification',
  awaitClose: 'a process lives for as long as a store closes',
  idle: 'an open store keeps no process alive',
}

/** What the TypeScript plane is asked to do alike. */
const ALIKE = /^(await|idle|eight$|terminateBusy|collectedStores|closing$)/
/** What also has to hold where there is no ring; the second of them are left to the campaign. */
const EITHER_IO = /^(eight$|terminateBusy|awaitPut)/
const EITHER_IO_FULL = /^(eight|terminate|collectedPlanes|closing|awaitPut|awaitLarge)/

function runs(plane: PlaneName, io: string, scene: string): boolean {
  if (plane === 'typescript') return io === 'auto' && (isFull || ALIKE.test(scene))
  return io === 'auto' || (isFull ? EITHER_IO_FULL : EITHER_IO).test(scene)
}

for (const plane of PLANES)
  for (const io of IO)
    for (const [scene, name] of Object.entries(SCENES).filter(([scene]) => runs(plane, io, scene)))
      t.test(`${name}: ${plane}, ${io}`, async (t) => {
        const end = await runChild({
          script: SCENE,
          args: [scene, scratch(t)],
          node: ['--expose-gc'],
          environment: { CAIRN_PLANE: plane, CAIRN_IO: io === 'auto' ? undefined : io },
        })
        t.notOk(end.hung, 'it does not hang')
        t.same({ code: end.code, signal: end.signal }, { code: 0, signal: null }, end.complaint)
        t.equal(end.lines.at(-1), 'done')
      })
