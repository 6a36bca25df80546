/**
 * `cairn.lock`: which process holds a directory, and whether that process is alive.
 *
 * The file is one line of JSON, written whole under another name and moved into place. It binds
 * only the directory whose device and inode it names, so that a copied directory opens; and it
 * names process, start time and boot, so that a process id that was given out again binds nobody.
 * What can not be read as such a line was torn by a power cut, and no process survives that.
 *
 * Format: { directory: 'dev:ino', pid, started, boot, network, token }
 */
import fs from 'node:fs'
import { FILE_MODE, FLAGS_CREATE, FLAGS_READ } from './descriptor.js'
import { errno } from './storage.js'

const MAX_BYTES = 4096

export interface Holder {
  /** Device and inode of the directory, in decimal. */
  readonly directory: string
  readonly pid: number
  /** When the process started, in clock ticks since boot; '' where the system does not tell. */
  readonly started: string
  /** The system's boot, '' where it does not tell. */
  readonly boot: string
  /** The network namespace, '' where there is none: sockets exclude inside of one only. */
  readonly network: string
  /** Random; tells one holding from the next of the same process. */
  readonly token: string
}

/** Device and inode of a directory, whichever path led there. Throws the system's error. */
export function identify(directory: string): string {
  const stat = fs.statSync(directory, { bigint: true })
  if (!stat.isDirectory()) throw errno('ENOTDIR', 'not a directory')
  return `${stat.dev}:${stat.ino}`
}

/** This process as the holder of `directory` (as `identify` gives it). */
export function describeSelf(directory: string, token: string): Holder {
  const pid = process.pid
  const started = stateOf(pid)?.started ?? ''
  return { directory, pid, started, boot: boot(), network: network(), token }
}

/** Who is named in the cairn.lock at `path`; undefined when nobody legibly is. */
export function readHolder(path: string): Holder | undefined {
  const text = readSmall(path)
  try {
    const found = JSON.parse(text ?? '') as Record<keyof Holder, unknown> | null
    if (found === null || typeof found !== 'object') return undefined
    const { directory: binds, pid, started, boot: booted, network: net, token } = found
    const texts = [binds, started, booted, net, token]
    if (!texts.every((each) => typeof each === 'string')) return undefined
    if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return undefined
    return found as unknown as Holder
  } catch {
    return undefined
  }
}

/** Puts `holder` into a file of its own beside the cairn.lock at `path` and gives its path. */
export function writeHolder(path: string, holder: Holder): string {
  const temporary = `${path}.${holder.token}`
  const fd = fs.openSync(temporary, FLAGS_CREATE, FILE_MODE)
  try {
    fs.fchmodSync(fd, FILE_MODE)
    fs.writeFileSync(fd, `${JSON.stringify(holder)}\n`)
  } catch (error) {
    fs.unlinkSync(temporary)
    throw error
  } finally {
    fs.closeSync(fd)
  }
  return temporary
}

/** Removes the cairn.lock at `path` if it has this token; another's stays. Never throws. */
export function removeHolder(path: string, token: string): void {
  if (readHolder(path)?.token !== token) return
  try {
    fs.unlinkSync(path)
  } catch {
    // What stays names a process that will be gone, or one whose socket is free.
  }
}

/** Whether `holder` names this directory and a process that is alive, as far as can be told. */
export function binds(holder: Holder, directory: string): boolean {
  if (holder.directory !== directory) return false
  const booted = boot()
  if (booted !== '' && holder.boot !== '' && booted !== holder.boot) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: alive, and another user's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const state = stateOf(holder.pid)
  if (state === undefined) return true
  return state.running && (holder.started === '' || holder.started === state.started)
}

/** The network namespace of this process; '' where the system has none. */
export function network(): string {
  try {
    return fs.readlinkSync('/proc/self/ns/net')
  } catch {
    return ''
  }
}

function boot(): string {
  return readSmall('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

/** Fields 3 and 22 of /proc/<pid>/stat; undefined where the system does not show them. */
function stateOf(pid: number): { running: boolean; started: string } | undefined {
  const stat = readSmall(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // Field 2 is the program's name in parentheses, and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Z and X: dead, and not yet buried by its parent.
  return { running: fields[0] !== 'Z' && fields[0] !== 'X', started: fields[19] ?? '' }
}

/** A small regular file as text; undefined when there is none or it is anything else. */
function readSmall(path: string): string | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(path, FLAGS_READ)
    if (!fs.fstatSync(fd).isFile()) return undefined
    const bytes = Buffer.alloc(MAX_BYTES)
    return bytes.toString('latin1', 0, fs.readSync(fd, bytes, 0, MAX_BYTES, 0))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
