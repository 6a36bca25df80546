/**
 * Whether a library's file was cut, as an interrupted installation leaves it.
 *
 * Linux maps the segments that the head of the file promises, and a process that touches one
 * beyond the file's end dies of a signal. So what is promised is compared with what is there
 * before such a file is loaded. Everything else that may be wrong the loader finds itself.
 */
import fs from 'node:fs'

const MAGIC = '\x7fELF'
const CLASS_64 = 2
const LITTLE_ENDIAN = 1
const HEAD_BYTES = 64
const SEGMENT_BYTES = 56
const SEGMENT_LOADED = 1

/** False for a file that is no 64-bit ELF library. Throws what reading the file throws. */
export function isCutLibrary(file: string): boolean {
  const fd = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(fd)
    const head = Buffer.alloc(HEAD_BYTES)
    if (fs.readSync(fd, head, 0, HEAD_BYTES, 0) < HEAD_BYTES) return false
    if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) return false
    if (head[4] !== CLASS_64 || head[5] !== LITTLE_ENDIAN) return false
    const count = head.readUInt16LE(56)
    const segments = Buffer.alloc(count * SEGMENT_BYTES)
    const at = Number(head.readBigUInt64LE(32))
    if (at + segments.length > size) return true
    fs.readSync(fd, segments, 0, segments.length, at)
    for (let i = 0; i < segments.length; i += SEGMENT_BYTES) {
      if (segments.readUInt32LE(i) !== SEGMENT_LOADED) continue
      const end = segments.readBigUInt64LE(i + 8) + segments.readBigUInt64LE(i + 32)
      if (end > BigInt(size)) return true
    }
    return false
  } finally {
    fs.closeSync(fd)
  }
}
