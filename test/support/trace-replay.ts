/**
 * What a power cut at any moment of a trace leaves of a directory.
 *
 * Contents survive by a sync of the file, names by a sync of the directory. A sync covers what
 * had ended before it began, and only once it has ended itself. Of everything else that began, any
 * part may survive: writes in pieces of one sector, creations, renames and removals each whole.
 */
import { Inode } from '../../lib/io/inode.js'
import { below } from './campaign.js'
import { random } from './random.js'
import type { TraceEvent } from './trace.js'

const SECTOR_BYTES = 512
/** Stands among the numbers of files for a subdirectory. */
const DIRECTORY = 0

/** What is left of what no sync covers; torn is everything up to a sector of the newest write. */
export type Left = 'nothing' | 'everything' | 'torn' | 'some'

/** Files by name, one in a subdirectory too; undefined when not even the directory is there. */
export type CrashState = ReadonlyMap<string, Uint8Array> | undefined

interface Change {
  readonly file: number
  readonly from?: string
  readonly to?: string
  ended: boolean
}

interface Content {
  readonly inode: Inode
  /** For each write or truncation, whether it ended. */
  readonly ended: boolean[]
}

interface Edge {
  readonly at: number
  readonly event: TraceEvent
  readonly ends: boolean
}

/** Goes through a trace once, from moment to moment. */
export class Replay {
  readonly #edges: Edge[]
  #next = 0
  #made: 'no' | 'begun' | 'yes' = 'no'
  /** What everybody sees, and what is safe. */
  readonly #names = new Map<string, number>()
  readonly #synced = new Map<string, number>()
  #changes: Change[] = []
  readonly #contents = new Map<number, Content>()
  /** What the end of each event under way does. */
  readonly #under = new Map<TraceEvent, () => void>()
  #newest: { file: number; pieces: number } | undefined

  constructor(events: readonly TraceEvent[]) {
    this.#edges = events
      .flatMap((event): Edge[] => [
        { at: event.begin, event, ends: false },
        { at: event.end, event, ends: true },
      ])
      .filter(({ at }) => at !== Infinity)
      .sort((a, b) => a.at - b.at)
  }

  /** Does what had begun and ended at `at`, that moment included. */
  advance(at: number): void {
    for (; this.#next < this.#edges.length; this.#next++) {
      const { event, ends, at: edge } = this.#edges[this.#next]!
      if (edge > at) return
      if (!ends) this.#under.set(event, this.#begin(event))
      else {
        this.#under.get(event)!()
        this.#under.delete(event)
      }
    }
  }

  /** What a power cut now leaves, the same for the same seed. */
  crash(left: Left, seed: number): CrashState {
    const chance = chances(left, seed)
    if (this.#made === 'no' || (this.#made === 'begun' && !chance.entry())) return undefined
    const names = new Map(this.#synced)
    for (const change of this.#changes) if (chance.entry()) apply(names, change)
    const files = new Map<string, Uint8Array>()
    for (const [name, file] of names)
      if (file !== DIRECTORY) files.set(name, this.#crashed(file, left, chance))
    return files
  }

  #crashed(file: number, left: Left, chance: Chances): Uint8Array {
    const { inode } = this.#contents.get(file)!
    let survives = chance.piece
    if (left === 'torn' && this.#newest?.file === file) {
      let pieces = 0
      inode.crashed(
        () => ++pieces > 0,
        () => false,
      )
      let kept = pieces - 1 - below(chance.dice, this.#newest.pieces)
      survives = () => kept-- > 0
    }
    const crashed = inode.crashed(survives, chance.size)
    const bytes = new Uint8Array(crashed.size)
    crashed.read(bytes, 0)
    return bytes
  }

  /** Gives what is to be done when it ends. */
  #begin(event: TraceEvent): () => void {
    switch (event.kind) {
      case 'createDirectory':
        if (this.#made === 'no') this.#made = 'begun'
        return () => (this.#made = 'yes')
      case 'syncDirectory': {
        const covered = this.#changes.filter(({ ended }) => ended)
        return () => this.#settleNames(covered)
      }
      case 'create':
        this.#contents.set(event.file, { inode: new Inode(), ended: [] })
        return this.#change({ file: event.file, to: event.name, ended: false })
      case 'makeDirectory':
        return this.#change({ file: DIRECTORY, to: event.name, ended: false })
      case 'remove': {
        const file = this.#names.get(event.name)
        if (file === undefined) return () => {}
        return this.#change({ file, from: event.name, ended: false })
      }
      case 'rename': {
        const file = this.#names.get(event.name)
        if (file === undefined) throw new Error(`${event.name} is renamed and does not exist`)
        return this.#change({ file, from: event.name, to: event.to, ended: false })
      }
      case 'write':
        return this.#beginWrite(event)
      case 'truncate': {
        const content = this.#contents.get(event.file)!
        content.inode.truncate(event.position)
        return ending(content)
      }
      case 'sync': {
        const { inode, ended } = this.#contents.get(event.file)!
        const pending = ended.indexOf(false)
        const covered = pending < 0 ? inode.made : pending
        return () => inode.settle(covered)
      }
    }
  }

  #beginWrite({ file, bytes, position }: TraceEvent & { kind: 'write' }): () => void {
    const content = this.#contents.get(file)!
    const before = content.inode.made
    content.inode.write(bytes, position)
    if (content.inode.made === before) return () => {}
    const last = Math.floor((position + bytes.length - 1) / SECTOR_BYTES)
    this.#newest = { file, pieces: last - Math.floor(position / SECTOR_BYTES) + 1 }
    return ending(content)
  }

  #change(change: Change): () => void {
    apply(this.#names, change)
    this.#changes.push(change)
    return () => (change.ended = true)
  }

  #settleNames(covered: readonly Change[]): void {
    for (const change of covered) {
      // Another sync may have covered it meanwhile.
      if (!this.#changes.includes(change)) continue
      apply(this.#synced, change)
      this.#changes = this.#changes.filter((other) => other !== change)
    }
  }
}

/** Notes a change of the content; gives what notes its end. */
function ending({ ended }: Content): () => void {
  const index = ended.push(false) - 1
  return () => (ended[index] = true)
}

/** Does to `names` what was done; a name can not come without its directory. */
function apply(names: Map<string, number>, { from, to, file }: Change): void {
  if (to !== undefined) {
    const slash = to.indexOf('/')
    if (slash >= 0 && names.get(to.slice(0, slash)) !== DIRECTORY) return
    names.set(to, file)
  }
  if (from !== undefined && names.get(from) === file) names.delete(from)
}

interface Chances {
  readonly dice: () => number
  readonly entry: () => boolean
  readonly piece: () => boolean
  readonly size: () => boolean
}

const SHARES = [0, 0.1, 0.5, 0.9, 1]

function chances(left: Left, seed: number): Chances {
  const dice = random(seed)
  if (left !== 'some') {
    const answer = () => left !== 'nothing'
    return { dice, entry: answer, piece: answer, size: () => left === 'everything' }
  }
  const draw = (shares: readonly number[]) => {
    const share = shares[below(dice, shares.length)]!
    return () => dice() < share
  }
  return { dice, entry: draw(SHARES), piece: draw(SHARES), size: draw([0, 0, 0.5]) }
}
