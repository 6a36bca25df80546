/**
 * Parts as both planes show them through the seam: the smallest calls that reach a part.
 *
 * What has no call of its own is within a larger one: the framing of records in an append, with
 * its `pwrite`; filters and the seek in a block in a look-up; Snappy in merges with and without it.
 */
import { BatchWriter } from '../../lib/format/batch.js'
import { KEY_SEQUENCE_MAX } from '../../lib/format/key.js'
import { journalName, tableName } from '../../lib/format/names.js'
import { random } from '../../lib/io/random.js'
import type { Storage } from '../../lib/io/files.js'
import { ABSENT, type DataPlane, type MergeJob, type Source, type Table } from '../../lib/plane.js'
import { missingKey, recordKey, SEED, shuffled, Values, VALUE_BYTES } from '../records.js'
import type { Part } from './part.js'

const RECORDS = 20_000
const BLOCK_RECORDS = 32
const RECORD_BYTES = 128
const NEVER = new AbortController().signal
const TABLE = { blockSizeBytes: 4096, restartInterval: 16, compression: false, filterBits: 10 }
const HOT = { wait: true, fillCache: true }
const JOB: Omit<MergeJob, 'inputs' | 'outputs' | 'snapshots'> = {
  table: TABLE,
  maxTableBytes: 2 ** 30,
  deeper: [],
  grandparents: [],
  maxGrandparentBytes: 2 ** 40,
}

export async function planeParts(plane: DataPlane, storage: Storage): Promise<Part[]> {
  const bench = new PlaneBench(plane, storage)
  return [
    ...bench.checksums(),
    bench.journal(),
    ...bench.memtable(),
    ...(await bench.blocks()),
    ...(await bench.merges()),
  ]
}

class PlaneBench {
  readonly #batch: Uint8Array
  readonly #order = shuffled(RECORDS)
  #file = 1

  constructor(
    private readonly plane: DataPlane,
    private readonly storage: Storage,
  ) {
    this.#batch = batchOf(this.#order)
  }

  checksums(): Part[] {
    const { plane } = this
    const numbers = random(SEED)
    const bytes = new Uint8Array(1024 * 1024).map(() => numbers() * 256)
    const part = (name: string, piece: Uint8Array): Part => {
      return { name, operations: 1, bytes: piece.length, run: () => plane.crc32c(piece) }
    }
    return [part('crc32c, 1 MiB', bytes), part('crc32c, 128 B', bytes.subarray(0, RECORD_BYTES))]
  }

  journal(): Part {
    const record = new Uint8Array(RECORD_BYTES)
    const runAsync = async (): Promise<void> => {
      const name = journalName(this.#file++)
      const journal = await this.plane.createJournal(name)
      for (let at = 0; at < RECORDS; at++) journal.append(record)
      await journal.close()
      await this.storage.remove(name)
    }
    return {
      name: 'journal append, 128 B, its pwrite',
      operations: RECORDS,
      bytes: RECORD_BYTES,
      runAsync,
    }
  }

  memtable(): Part[] {
    const apply = (): void => this.#memtable(this.#batch, RECORDS).close()
    const keys = Array.from(shuffled(RECORDS, 5), keyBytes)
    const full = this.#memtable(this.#batch, RECORDS)
    return [
      { name: 'memtable insert, of 20,000', operations: RECORDS, run: apply },
      this.#finds('memtable find, of 20,000', full, keys, true),
    ]
  }

  /** Look-ups in tables whose blocks are in memory. */
  async blocks(): Promise<Part[]> {
    const few = shuffled(BLOCK_RECORDS)
    const block = await this.#table(batchOf(few), BLOCK_RECORDS)
    const table = await this.#table(this.#batch, RECORDS)
    const present = Array.from(shuffled(RECORDS, 5), keyBytes)
    const missing = Array.from(this.#order, (record) => Buffer.from(missingKey(record)))
    return [
      this.#finds(
        'block seek: find in a table of one block',
        block,
        Array.from(few, keyBytes),
        true,
      ),
      this.#finds('find in a table of 20,000', table, present, true),
      this.#finds('bloom: find what 20,000 have not', table, missing, false),
    ]
  }

  async merges(): Promise<Part[]> {
    const memtable = this.#memtable(this.#batch, RECORDS)
    const bytes = this.#batch.length / RECORDS
    const merge = (name: string, compression: boolean): Part => ({
      name: `merge to a table, its sync${name}`,
      operations: RECORDS,
      bytes,
      runAsync: async () => {
        const table = await this.#merge(memtable, compression)
        table.close()
        await this.storage.remove(tableName(table.meta.number))
      },
    })
    const verify = async (name: string, compression: boolean): Promise<Part> => {
      const table = await this.#merge(memtable, compression)
      const runAsync = (): Promise<unknown> => table.verify()
      return { name: `verify a table${name}`, operations: RECORDS, bytes, runAsync }
    }
    return [
      merge('', false),
      merge(', Snappy', true),
      await verify('', false),
      await verify(', Snappy', true),
    ]
  }

  #memtable(batch: Uint8Array, records: number): ReturnType<DataPlane['createMemtable']> {
    const memtable = this.plane.createMemtable()
    memtable.apply(batch, 0, records)
    return memtable
  }

  #table(batch: Uint8Array, records: number): Promise<Table> {
    return this.#merge(this.#memtable(batch, records), false)
  }

  async #merge(source: Source, compression: boolean): Promise<Table> {
    const job = { ...JOB, table: { ...TABLE, compression } }
    const inputs = [[source]]
    const outputs = [this.#file++]
    const snapshots = [RECORDS]
    const [meta] = await this.plane.merge({ ...job, inputs, outputs, snapshots }, NEVER)
    return this.plane.openTable(meta!)
  }

  #finds(name: string, source: Source, keys: readonly Uint8Array[], present: boolean): Part {
    const { plane } = this
    const view = plane.createView([[source]])
    const into = new Uint8Array(4096)
    const run = (): void => {
      for (const key of keys) {
        const found = plane.find(view, key, KEY_SEQUENCE_MAX, into, 0, HOT) !== ABSENT
        if (found !== present) throw new Error(`${name}: found ${found}`)
      }
    }
    return { name, operations: keys.length, run }
  }
}

function keyBytes(record: number): Uint8Array {
  return Buffer.from(recordKey(record))
}

function batchOf(order: Uint32Array): Uint8Array {
  const values = new Values(VALUE_BYTES)
  const batch = new BatchWriter()
  for (const record of order) batch.put(recordKey(record), values.next())
  return Uint8Array.from(batch.stamp(1))
}
