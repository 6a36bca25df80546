/**
 * Places: directories and storages that callers name.
 */
import { diskStorage, memoryStorage } from '../io/index.js'
import type { Storage } from '../io/files.js'
import { isStorage, readLocation, type CommonSettings } from './options.js'

/** The place that the settings name; a new one for 'memory'. */
export function storageFor(
  location: string,
  { storage }: Pick<CommonSettings, 'storage'>,
): Storage {
  if (storage === 'disk') return diskStorage(location)
  return storage === 'memory' ? memoryStorage() : storage
}

/** A directory or storage that an argument names; closed when it was opened here. */
export class Place {
  readonly storage: Storage
  /** It was made here and not by the caller. */
  readonly #own: boolean

  constructor(name: string, given: string | Storage) {
    this.#own = !isStorage(given)
    this.storage = isStorage(given) ? given : diskStorage(readLocation(name, given))
  }

  async close(): Promise<void> {
    if (this.#own) await this.storage.close()
  }
}
