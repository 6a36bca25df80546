/** What encrypted stores of the campaigns have in common. */
import type { SyncMode } from '../../lib/stores/journal/index.js'

export const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1)
/** Stands in every longer payload of an encrypted store, and must stand in no file. */
export const CANARY = 'plain-as-a-canary'

export const MODES: readonly SyncMode[] = ['always', 'interval', 'never']
