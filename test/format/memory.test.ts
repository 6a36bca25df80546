/** Memory: runs of every length and alignment arrive whole, and nothing beside them changes. */
import t from 'tap'
import { Memory, SameMemory, copyRun } from '../../lib/format/memory.js'
import { below, pick } from '../support/campaign.js'
import { random } from '../support/random.js'

const ROOM = 2048

t.test('runs are copied as they are', (t) => {
  const next = random(1)
  for (let step = 0; step < 2000; step++) {
    const source = Uint8Array.from({ length: ROOM }, () => below(next, 256))
    const target = Uint8Array.from({ length: ROOM }, () => below(next, 256))
    const length = pick(next, [0, 1, 2, 3, 4, 5, 7, 8, 16, 100, 511, 512, 513, 1000])
    const [start, at] = [below(next, ROOM - length), below(next, ROOM - length)]
    const wanted = target.slice()
    wanted.set(source.subarray(start, start + length), at)
    copyRun(new Memory(source), start, start + length, new Memory(target), at)
    if (Buffer.compare(target, wanted) !== 0) t.fail(`${length} bytes from ${start} to ${at}`)
  }
  t.end()
})

t.test('views begin where their bytes do', (t) => {
  const whole = Uint8Array.from({ length: 64 }, (_, at) => at)
  const part = new Memory(whole.subarray(10, 30))
  const into = new Memory(new Uint8Array(20))
  copyRun(part, 1, 20, into, 0)
  t.same([...into.bytes.subarray(0, 20)], [...whole.subarray(11, 30), 0])
  t.throws(() => copyRun(part, 1, 21, into, 0), RangeError, 'nothing outside of them is read')
  t.throws(() => copyRun(part, 0, 20, into, 1), RangeError, 'nor written')
  t.end()
})

t.test('the memory of the same bytes is made once', (t) => {
  const same = new SameMemory()
  const [one, other] = [new Uint8Array(8), new Uint8Array(8)]
  t.equal(same.of(one), same.of(one))
  t.equal(same.of(other).bytes, other)
  t.equal(same.of(one).bytes, one)
  t.end()
})

t.test('bytes that were resized are looked at anew', (t) => {
  const ResizableBuffer = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(length: number): void }
  const buffer = new ResizableBuffer(4, { maxByteLength: 64 })
  const bytes = new Uint8Array(buffer)
  const same = new SameMemory()
  t.equal(same.of(bytes).view.byteLength, 4)
  for (const length of [40, 2, 0, 64]) {
    buffer.resize(length)
    t.equal(same.of(bytes).view.byteLength, length)
  }
  t.end()
})
