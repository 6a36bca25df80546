/**
 * Opening: from checked settings to an engine in its directory; and another secret for a store
 * that is not open.
 *
 * The one place of this store that chooses a data plane.
 */
import type { ChoosePlane } from '../../commit/told.js'
import { StoreHome } from '../../durable/home.js'
import { MapEngine } from '../../durable/map/engine.js'
import { rekey } from '../../durable/rekey.js'
import type { Secret } from '../../durable/secret.js'
import { STORE_KIND_MAP } from '../../format/store.js'
import type { Storage } from '../../io/files.js'
import { selectPlane } from '../../planes/select.js'
import type { Determinism } from '../journal/open.js'
import type { MapSettings } from './options.js'

export interface OpenMap {
  readonly home: StoreHome
  readonly engine: MapEngine
}

export function openMap(
  storage: Storage,
  settings: MapSettings,
  determinism: Determinism = {},
): Promise<OpenMap> {
  const { recovery } = settings.engine
  const options = { ...settings, ...determinism, recovery, choose: chooser(settings) }
  return StoreHome.open(storage, STORE_KIND_MAP, options, async (home) => ({
    home,
    engine: await MapEngine.open(home, settings.engine),
  }))
}

export function rekeyMap(
  storage: Storage,
  settings: MapSettings,
  secrets: { readonly from: Secret; readonly to: Secret; readonly deep: boolean },
): Promise<void> {
  const { lockTimeoutMs, infoLog } = settings
  const choose = chooser(settings)
  return rekey(storage, STORE_KIND_MAP, { ...secrets, lockTimeoutMs, infoLog, choose })
}

/** Picks the plane that the settings ask for. No tables: a map needs no cache. */
function chooser({ plane }: Pick<MapSettings, 'plane'>): ChoosePlane {
  return (storage) => selectPlane(plane, { storage, cacheBytes: 0, maxOpenTables: 1 })
}
