/** The seal of a clean close. */
import t from 'tap'
import { FormatError, putFixed32, putFixed64 } from '../../lib/format/coding.js'
import { SEAL_BYTES, decodeSealBody, encodeSealBody, type Seal } from '../../lib/format/seal.js'

const SEAL: Seal = {
  journal: { number: 6, sizeBytes: 2 ** 40 + 1, crc: 0xffffffff },
  manifest: { number: Number.MAX_SAFE_INTEGER, sizeBytes: 0, crc: 0 },
}

t.test('what is written is read', (t) => {
  const body = encodeSealBody(SEAL)
  t.equal(body.length, SEAL_BYTES - 4)
  t.same(decodeSealBody(body), SEAL)
  t.same(decodeSealBody(Buffer.from(body)), SEAL)
  t.end()
})

t.test('bad bodies are refused', (t) => {
  const body = encodeSealBody(SEAL)
  for (let length = 0; length < body.length; length++)
    t.throws(() => decodeSealBody(body.subarray(0, length)), FormatError, `cut at ${length}`)
  t.throws(() => decodeSealBody(Buffer.concat([body, Buffer.alloc(4)])), FormatError, 'grown')
  const changed = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = new Uint8Array(body)
    change(bytes)
    return bytes
  }
  for (let at = 0; at < 8; at++)
    t.throws(() => decodeSealBody(changed((bytes) => bytes[at]!++)), {
      name: 'FormatError',
      offset: 0,
    })
  t.throws(() => decodeSealBody(changed((bytes) => putFixed32(bytes, 8, 2))), {
    name: 'FormatError',
    offset: 8,
  })
  t.throws(() => decodeSealBody(changed((bytes) => putFixed64(bytes, 12, 2 ** 53))), FormatError)
  t.end()
})
