/**
 * Opening: from checked settings to an engine in its directory; and another secret for a store
 * that is not open.
 *
 * The one place of this store that chooses a data plane.
 */
import type { ChoosePlane } from '../../commit/told.js'
import { StoreHome } from '../../durable/home.js'
import { DurableJournal } from '../../durable/journal.js'
import { rekey } from '../../durable/rekey.js'
import type { Secret } from '../../durable/secret.js'
import { STORE_KIND_JOURNAL } from '../../format/store.js'
import type { Storage } from '../../io/files.js'
import { selectPlane } from '../../planes/select.js'
import type { JournalSettings } from './options.js'

export interface OpenJournal {
  readonly home: StoreHome
  readonly engine: DurableJournal
}

/** What makes two openings write the same bytes; the system's by default. */
export interface Determinism {
  readonly clock?: (() => number) | undefined
  readonly random?: ((count: number) => Uint8Array) | undefined
  readonly serial?: boolean | undefined
}

export function openJournal(
  storage: Storage,
  settings: JournalSettings,
  determinism: Determinism = {},
): Promise<OpenJournal> {
  const { engine: setup } = settings
  const { recovery } = setup
  const options = { ...settings, ...determinism, recovery, choose: chooser(settings) }
  return StoreHome.open(storage, STORE_KIND_JOURNAL, options, async (home) => ({
    home,
    engine: await DurableJournal.open({ ...setup, home, folder: '' }),
  }))
}

export function rekeyJournal(
  storage: Storage,
  settings: JournalSettings,
  secrets: { readonly from: Secret; readonly to: Secret; readonly deep: boolean },
): Promise<void> {
  const { lockTimeoutMs, infoLog } = settings
  const choose = chooser(settings)
  return rekey(storage, STORE_KIND_JOURNAL, { ...secrets, lockTimeoutMs, infoLog, choose })
}

/** Picks the plane that the settings ask for. No tables: a journal needs no cache. */
function chooser({ plane }: Pick<JournalSettings, 'plane'>): ChoosePlane {
  return (storage) => selectPlane(plane, { storage, cacheBytes: 0, maxOpenTables: 1 })
}
