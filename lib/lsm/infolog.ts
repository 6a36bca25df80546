/**
 * The LOG: one line for each opening, recovery, rotation, flush, compaction, stall and error.
 * No keys and no values. `infoLog` sends the lines elsewhere or nowhere.
 */
import type { Storage } from '../io/files.js'
import type { TreeOptions } from './options.js'

/** A function that writes a line and never throws. */
export function openLog(storage: Storage, options: TreeOptions): (line: string) => void {
  const { infoLog } = options
  if (typeof infoLog === 'function')
    return (line) => {
      try {
        infoLog(line)
      } catch {
        // A logger that throws must not break the store.
      }
    }
  return infoLog && !options.readOnly ? (line) => storage.log(line) : () => {}
}
