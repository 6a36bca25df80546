/**
 * LevelDB's own lock as far as Node can see it: the empty file `LOCK`.
 *
 * LevelDB puts a system lock on it, which Node can neither take nor ask for; but Linux lists who
 * has one. `LOCK` is never opened when it exists: closing it again would drop the lock that a
 * LevelDB in this process has on it.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { FILE_LOCK } from '../format/names.js'
import { FILE_MODE, FLAGS_CREATE } from './descriptor.js'

/** Makes LOCK unless it exists. */
export function makeLevelLock(location: string): void {
  let fd: number
  try {
    fd = fs.openSync(join(location, FILE_LOCK), FLAGS_CREATE, FILE_MODE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
  try {
    fs.fchmodSync(fd, FILE_MODE)
  } finally {
    fs.closeSync(fd)
  }
}

/** Whether /proc/locks shows a lock on LOCK. False where the system has no such list. */
export function levelHolds(location: string): boolean {
  let inode: string
  let devices: string[]
  let locks: string
  try {
    const { dev, ino } = fs.lstatSync(join(location, FILE_LOCK), { bigint: true })
    inode = String(ino)
    locks = fs.readFileSync('/proc/locks', 'latin1')
    devices = [deviceOf(dev), ...mountDevice(location)]
  } catch {
    return false
  }
  // 1: POSIX  ADVISORY  WRITE 4242 fd:01:1835017 0 EOF
  return locks.split('\n').some((line) => {
    const place = / ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line)
    return place !== null && place[2] === inode && devices.includes(place[1]!)
  })
}

/** Takes a device number apart as glibc does. */
function deviceOf(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  return deviceText(Number(major), Number(minor))
}

/** As /proc/locks writes a device: two hexadecimal digits at least, twice. */
function deviceText(...majorMinor: number[]): string {
  return majorMinor.map((each) => each.toString(16).padStart(2, '0')).join(':')
}

/** The device of the mount, which is another than that of its files on btrfs and overlays. */
function mountDevice(location: string): string[] {
  const fd = fs.openSync(location, fs.constants.O_RDONLY)
  try {
    const id = /^mnt_id:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
    for (const line of fs.readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
      const [mount, , device] = line.split(' ')
      if (mount === id && device !== undefined)
        return [deviceText(...device.split(':').map(Number))]
    }
    return []
  } finally {
    fs.closeSync(fd)
  }
}
