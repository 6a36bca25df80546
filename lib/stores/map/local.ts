/**
 * LocalDriver: a DurableMap of this process as a DurableMapDriver.
 */
import type { SnapshotInfo } from '../../durable/map/catalog.js'
import type { CompactionReport } from '../../durable/map/upkeep.js'
import type {
  DurableMapDriver,
  Input,
  MapOperation,
  MapWalks,
  RangeOptions,
  SnapshotOptions,
} from './driver.js'
import type { DurableMap } from './map.js'
import { limitOf } from './operations.js'

export class LocalDriver<K, V> implements DurableMapDriver<K, V> {
  constructor(
    private readonly map: DurableMap<K, V>,
    private readonly walks: MapWalks<K, V>,
  ) {}

  async get(key: Input<K>): Promise<V | undefined> {
    return this.map.get(key)
  }

  async has(key: Input<K>): Promise<boolean> {
    return this.map.has(key)
  }

  async version(key: Input<K>): Promise<number> {
    return this.map.version(key)
  }

  async size(): Promise<number> {
    return this.map.size
  }

  keys(): AsyncIterable<K> {
    return this.walks.keys()
  }

  values(): AsyncIterable<V> {
    return this.walks.values()
  }

  entries(): AsyncIterable<[K, V]> {
    return this.walks.entries()
  }

  async range(visit: (key: K, value: V) => unknown, options: RangeOptions = {}): Promise<number> {
    const limit = limitOf(visit, options)
    let visited = 0
    if (limit === 0) return visited
    for await (const [key, value] of this.walks.entries()) {
      visited++
      if (visit(key, value) === false || visited === limit) break
    }
    return visited
  }

  set(key: Input<K>, value: Input<V>): Promise<number> {
    return this.map.set(key, value)
  }

  delete(key: Input<K>): Promise<boolean> {
    return this.map.delete(key)
  }

  pop(key: Input<K>): Promise<V | undefined> {
    return this.map.pop(key)
  }

  clear(): Promise<void> {
    return this.map.clear()
  }

  getOrSet(key: Input<K>, value: Input<V>): Promise<{ value: V; loaded: boolean }> {
    return this.map.getOrSet(key, value)
  }

  setIfAbsent(key: Input<K>, value: Input<V>): Promise<boolean> {
    return this.map.setIfAbsent(key, value)
  }

  setIfPresent(key: Input<K>, value: Input<V>): Promise<boolean> {
    return this.map.setIfPresent(key, value)
  }

  upsert(
    key: Input<K>,
    value: Input<V>,
    merge: (existing: V, value: Input<V>) => Input<V>,
  ): Promise<V> {
    return this.map.upsert(key, value, merge)
  }

  update(
    key: Input<K>,
    change: (value: V | undefined, exists: boolean) => Input<V> | undefined,
  ): Promise<V | undefined> {
    return this.map.update(key, change)
  }

  compareAndSet(key: Input<K>, expectedVersion: number, value: Input<V>): Promise<number> {
    return this.map.compareAndSet(key, expectedVersion, value)
  }

  compareAndDelete(key: Input<K>, expectedVersion: number): Promise<boolean> {
    return this.map.compareAndDelete(key, expectedVersion)
  }

  batch(operations: readonly MapOperation<K, V>[]): Promise<void> {
    return this.map.batch(operations)
  }

  sync(): Promise<void> {
    return this.map.sync()
  }

  compact(): Promise<CompactionReport> {
    return this.map.compact()
  }

  snapshot(options?: SnapshotOptions): Promise<SnapshotInfo> {
    return this.map.snapshot(options)
  }

  snapshots(): Promise<SnapshotInfo[]> {
    return this.map.snapshots()
  }

  close(): Promise<void> {
    return this.map.close()
  }
}
