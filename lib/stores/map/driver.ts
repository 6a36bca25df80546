/**
 * DurableMapDriver: the operations of a map as an interface, for what is built on maps.
 *
 * Everything gives a promise, and versions may skip, so that another engine can stand behind it.
 * Types only.
 */
import type { CompactionReport } from '../../durable/map/upkeep.js'
import type { SnapshotInfo } from '../../durable/map/catalog.js'

/** What goes in: text or bytes where those come out, else the type itself. */
export type Input<T> = T extends string | Uint8Array ? string | Uint8Array : T

export type MapOperation<K = string, V = Buffer> =
  | { readonly type: 'set'; readonly key: Input<K>; readonly value: Input<V> }
  | { readonly type: 'delete'; readonly key: Input<K> }

export interface RangeOptions {
  /** How many entries to visit at most. */
  readonly limit?: number | undefined
}

export interface SnapshotOptions {
  /** Only what changed since the newest snapshot, which must stay. Default false. */
  readonly incremental?: boolean | undefined
}

/** Writes that every map has. Their promises settle as the option `sync` says. */
export interface MapWrites<K, V> {
  /** Gives the key's version. */
  set(key: Input<K>, value: Input<V>): Promise<number>
  /** Whether the key was there. */
  delete(key: Input<K>): Promise<boolean>
  /** Deletes the key and gives what it had. */
  pop(key: Input<K>): Promise<V | undefined>
  clear(): Promise<void>
  /** Gives what the key has, or sets it. */
  getOrSet(key: Input<K>, value: Input<V>): Promise<{ value: V; loaded: boolean }>
  /** Whether it was set. */
  setIfAbsent(key: Input<K>, value: Input<V>): Promise<boolean>
  setIfPresent(key: Input<K>, value: Input<V>): Promise<boolean>
  /** Sets the key, to what `merge` makes of its value and the new one when it has one. */
  upsert(
    key: Input<K>,
    value: Input<V>,
    merge: (existing: V, value: Input<V>) => Input<V>,
  ): Promise<V>
  /** Sets the key to what `change` gives; undefined deletes it. */
  update(
    key: Input<K>,
    change: (value: V | undefined, exists: boolean) => Input<V> | undefined,
  ): Promise<V | undefined>
  /** Sets the key if its version is the expected one, 0 for absent; else CAIRN_CONFLICT. */
  compareAndSet(key: Input<K>, expectedVersion: number, value: Input<V>): Promise<number>
  /** Deletes it likewise; false when it was absent, as expected. */
  compareAndDelete(key: Input<K>, expectedVersion: number): Promise<boolean>
  /** All operations or none. */
  batch(operations: readonly MapOperation<K, V>[]): Promise<void>
  /** Settles when everything acknowledged before the call survives power loss. */
  sync(): Promise<void>
  compact(): Promise<CompactionReport>
  snapshot(options?: SnapshotOptions): Promise<SnapshotInfo>
  snapshots(): Promise<SnapshotInfo[]>
  close(): Promise<void>
}

/** Each walk shows the state at its first step, in no order, whatever is written later. */
export interface MapWalks<K, V> {
  keys(): AsyncIterable<K>
  values(): AsyncIterable<V>
  entries(): AsyncIterable<[K, V]>
}

export interface DurableMapDriver<K = string, V = Buffer> extends MapWrites<K, V>, MapWalks<K, V> {
  get(key: Input<K>): Promise<V | undefined>
  has(key: Input<K>): Promise<boolean>
  /** 0 for absent. */
  version(key: Input<K>): Promise<number>
  size(): Promise<number>
  /** Visits entries until `visit` gives false; gives how many. */
  range(visit: (key: K, value: V) => unknown, options?: RangeOptions): Promise<number>
}
