/**
 * How far long work is, for people: on standard error, on a terminal, and without --json only.
 */
import { SingleBar } from 'cli-progress'
import type { GlobalOptions, Session } from './session.js'

/** From `start` to `total`, in whatever the caller counts. */
export function progressBar(
  session: Session,
  options: GlobalOptions,
  verb: string,
  total: number,
  start = 0,
): SingleBar | undefined {
  return shown(session, options, `${verb} {bar} {percentage}% | {eta_formatted} left`, total, start)
}

/** Tells how long `work` has been under way, where nobody knows how far it is. */
export async function timed<T>(
  session: Session,
  options: GlobalOptions,
  verb: string,
  work: Promise<T>,
): Promise<T> {
  const clock = shown(session, options, `${verb}: {duration_formatted}`, 1, 0)
  try {
    return await work
  } finally {
    clock?.stop()
  }
}

function shown(
  { streams: { stderr } }: Session,
  options: GlobalOptions,
  format: string,
  total: number,
  start: number,
): SingleBar | undefined {
  if (!stderr.isTTY || options.json) return undefined
  const bar = new SingleBar({
    format,
    stream: stderr,
    hideCursor: true,
    clearOnComplete: true,
  })
  bar.start(total, start)
  return bar
}
