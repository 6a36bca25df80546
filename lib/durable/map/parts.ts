/**
 * What the parts of an open map share.
 */
import type { Entries } from '../entries/entries.js'
import type { StoreHome } from '../home.js'
import type { DurableJournal } from '../journal.js'
import type { Catalog } from './catalog.js'
import type { Ledger } from './ledger.js'

export interface MapParts {
  readonly home: StoreHome
  readonly journal: DurableJournal
  readonly entries: Entries
  readonly ledger: Ledger
  readonly catalog: Catalog
}
