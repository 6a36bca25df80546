/**
 * Who may open a directory: one writer, or up to 64 readers, over all threads and processes.
 *
 * Node has no file lock, so what is held is a listening socket with a name and no file: an
 * abstract socket on Linux, a named pipe on Windows. The system gives a name to one listener only,
 * whichever thread or process asks, and takes it back when that dies, kill -9 included. Names are
 * made of device and inode of the directory, so two paths to one directory meet.
 *
 *   writer: takes `w`; then tries all reader names; if one is taken, lets go of `w`, is refused.
 *   reader: takes `w`; takes any reader name; lets go of `w`.
 *
 * Nobody enters unless it holds `w` meanwhile, so no reader slips in while a writer looks. As `w`
 * is also taken for a moment by readers, and by writers that will be refused, a refusal is given
 * only when it lasts: 50 ms when cairn.lock names the holder, 1 s when nothing does.
 *
 * Beside the socket: (a) `cairn.lock` tells who holds the directory, and refuses for a process
 * that is alive in another network namespace, where its sockets can not be seen (two that open at
 * the very same moment are not told apart); inside of one the socket is the truth, and a
 * cairn.lock that was left behind binds nobody. (b) LevelDB's `LOCK` is made, and a system lock
 * on it refuses.
 *
 * Elsewhere (macOS, BSD) `cairn.lock` alone is the lock: linked into place, which only one can; a
 * dead holder's file is moved aside and looked at again before it is thrown away. Readers there
 * are refused by a writer, but do not keep one out; and a process id that was given out again
 * keeps a directory locked until cairn.lock is removed by hand.
 *
 * Not covered: containers that share a directory but neither network nor process ids.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StoreError } from '../errors.js'
import { FILE_CAIRN_LOCK } from '../format/names.js'
import type { LockOptions, StorageLock } from './files.js'
import { binds, describeSelf, identify, network } from './holder.js'
import { readHolder, removeHolder, writeHolder } from './holder.js'
import { levelHolds, makeLevelLock } from './level.js'
import { systemError } from './storage.js'

export const READER_SLOTS = 64
/** How long a refusal must last, and how often it must be met, before it is given. */
const LASTING_MS = 50
const LASTING_UNNAMED_MS = 1000
const LASTING_ATTEMPTS = 6
const MAX_PAUSE_MS = 20

/** Why a lock can not be had at the moment, and for how long it is asked for again at least. */
export interface Refusal {
  readonly reason: string
  readonly lastingMs: number
  readonly attempts: number
}

type Outcome = StorageLock | Refusal

const SOCKET_NAMES: Partial<Record<NodeJS.Platform, (directory: string, part: string) => string>> =
  {
    linux: (directory, part) => `\0cairndb:${directory}:${part}`,
    android: (directory, part) => `\0cairndb:${directory}:${part}`,
    win32: (directory, part) => `\\\\.\\pipe\\cairndb-${directory.replace(':', '-')}-${part}`,
  }

/** One directory while it is being locked. */
interface Place {
  readonly location: string
  /** `dev:ino` of the directory. */
  readonly identity: string
  /** Path of its cairn.lock. */
  readonly path: string
  readonly socket: (part: string) => Promise<net.Server | undefined>
}

/**
 * Locks the directory at `location`. CAIRN_LOCKED when it is not to be had within the time-out;
 * CAIRN_MISSING when there is no directory. `platform` is there for tests.
 */
export async function lockDirectory(
  location: string,
  options: LockOptions,
  platform: NodeJS.Platform = process.platform,
): Promise<StorageLock> {
  const name = SOCKET_NAMES[platform]
  return untilHeld(location, options.timeoutMs, async () => {
    try {
      const identity = identify(location)
      const path = join(location, FILE_CAIRN_LOCK)
      if (name === undefined) return lockByFile(location, identity, path, options.readOnly)
      const socket = (part: string) => listen(name(identity, part))
      const place: Place = { location, identity, path, socket }
      return await (options.readOnly ? lockToRead(place) : lockToWrite(place))
    } catch (error) {
      throw systemError('lock', location, error)
    }
  })
}

/** Tries until the lock is held or the time is over: CAIRN_LOCKED with the last reason. */
export async function untilHeld(
  location: string,
  timeoutMs: number,
  attempt: () => Promise<Outcome>,
): Promise<StorageLock> {
  const start = performance.now()
  for (let attempts = 1, pauseMs = 1; ; attempts++, pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const outcome = await attempt()
    if ('release' in outcome) return outcome
    const leftMs = start + Math.max(timeoutMs, outcome.lastingMs) - performance.now()
    if (leftMs <= 0 && attempts >= outcome.attempts)
      throw new StoreError('CAIRN_LOCKED', `${location} is locked: ${outcome.reason}`)
    await delay(leftMs > 0 ? Math.min(pauseMs, Math.ceil(leftMs)) : pauseMs)
  }
}

/** A lock whose `release` frees once, however often it is called. */
export function heldUntil(free: () => Promise<void>): StorageLock {
  let released: Promise<void> | undefined
  return { release: () => (released ??= free()) }
}

async function lockToWrite(place: Place): Promise<Outcome> {
  const { location, path } = place
  const gate = await place.socket('w')
  if (gate === undefined) return refusedBy(place)
  const token = randomBytes(8).toString('hex')
  try {
    const refusal = (await refusedByReaders(place)) ?? refusedUnseen(place)
    if (refusal !== undefined) {
      await shut(gate)
      return refusal
    }
    makeLevelLock(location)
    const temporary = writeHolder(path, describeSelf(place.identity, token))
    try {
      fs.renameSync(temporary, path)
    } catch (error) {
      fs.unlinkSync(temporary)
      throw error
    }
  } catch (error) {
    await shut(gate)
    throw error
  }
  return heldUntil(async () => {
    removeHolder(path, token)
    await shut(gate)
  })
}

async function lockToRead(place: Place): Promise<Outcome> {
  const gate = await place.socket('w')
  if (gate === undefined) return refusedBy(place)
  try {
    const refusal = refusedUnseen(place)
    if (refusal !== undefined) return refusal
    for (let slot = 0; slot < READER_SLOTS; slot++) {
      const socket = await place.socket(`r${slot}`)
      if (socket !== undefined) return heldUntil(() => shut(socket))
    }
    return refused(`it has ${READER_SLOTS} readers already`)
  } finally {
    await shut(gate)
  }
}

/** Listens on a name that excludes; undefined when somebody else does. Keeps no process alive. */
function listen(path: string): Promise<net.Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy())
    const taken = path.startsWith('\0') ? ['EADDRINUSE'] : ['EADDRINUSE', 'EACCES']
    // Stays for good: a failing accept, which nobody but a stranger causes, is no reason to die.
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (taken.includes(error.code ?? '')) resolve(undefined)
      else reject(error)
    })
    // Exclusive: the workers of a cluster would be given one and the same socket otherwise.
    server.listen({ path, exclusive: true }, () => resolve(server))
    server.unref()
  })
}

function shut(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function refused(reason: string, lastingMs = LASTING_MS): Refusal {
  return { reason, lastingMs, attempts: LASTING_ATTEMPTS }
}

/** Somebody holds the gate: a writer that has entered, or anyone for a moment. */
function refusedBy({ identity, path }: Place): Refusal {
  const holder = readHolder(path)
  return holder !== undefined && binds(holder, identity)
    ? refused(`process ${holder.pid} has it open`)
    : refused('it is open elsewhere', LASTING_UNNAMED_MS)
}

/**
 * One after the other, so that opening takes two descriptors and not a hundred. A name is free
 * again as soon as its `shut` is called; only the event of it comes later.
 */
async function refusedByReaders({ socket }: Place): Promise<Refusal | undefined> {
  for (let slot = 0; slot < READER_SLOTS; slot++) {
    const free = await socket(`r${slot}`)
    if (free === undefined) return refused('it is open elsewhere, to read')
    void shut(free)
  }
  return undefined
}

/** Holders that the sockets of this network namespace do not show. */
function refusedUnseen({ location, identity, path }: Place): Refusal | undefined {
  const holder = readHolder(path)
  if (holder !== undefined && holder.network !== network() && binds(holder, identity))
    return refused(`process ${holder.pid} has it open, in another network namespace`)
  return levelHolds(location) ? refused('a LevelDB has it open') : undefined
}

/** The lock where names do not exclude: cairn.lock, linked into place, and its holder's life. */
function lockByFile(location: string, identity: string, path: string, readOnly: boolean): Outcome {
  const found = readHolder(path)
  if (found !== undefined && binds(found, identity))
    return refused(`process ${found.pid} has it open`)
  if (readOnly) return heldUntil(async () => {})
  makeLevelLock(location)
  const token = randomBytes(8).toString('hex')
  const temporary = writeHolder(path, describeSelf(identity, token))
  try {
    setAside(path, `${temporary}.old`, found?.token)
    fs.linkSync(temporary, path)
    return heldUntil(async () => removeHolder(path, token))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return refused('it is being opened elsewhere')
  } finally {
    fs.unlinkSync(temporary)
  }
}

/** Throws away the cairn.lock that was judged dead, or puts it back when it is another by now. */
function setAside(path: string, aside: string, judged: string | undefined): void {
  try {
    fs.renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    if (readHolder(aside)?.token !== judged) fs.linkSync(aside, path)
  } finally {
    fs.unlinkSync(aside)
  }
}
