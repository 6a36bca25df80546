/** Temporary directories of tests: under the system's, removed when the test ends. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

type Ends = Pick<Test, 'teardown'>

/** Where the kernel keeps files in memory, if this system has such a place. */
const MEMORY_PLACE = '/dev/shm'
const MEMORY_ROOM_BYTES = 256 * 1024 * 1024

/** A new, empty directory that lives as long as the test. */
export function scratch(t: Ends): string {
  return made(t, tmpdir())
}

/** As `scratch`, in memory where there is room: for tests of many files that need no disk. */
export function quickScratch(t: Ends): string {
  return made(t, quickPlace())
}

function made(t: Ends, place: string): string {
  const directory = fs.mkdtempSync(join(place, 'cairn-test-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

function quickPlace(): string {
  try {
    fs.accessSync(MEMORY_PLACE, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)
    const { bavail, bsize } = fs.statfsSync(MEMORY_PLACE)
    return bavail * bsize >= MEMORY_ROOM_BYTES ? MEMORY_PLACE : tmpdir()
  } catch {
    return tmpdir()
  }
}
