/** A bar on a terminal, nothing in a pipe. */
import { SingleBar } from 'cli-progress'

export function progressBar(steps: number): SingleBar | undefined {
  if (!process.stderr.isTTY || steps === 0) return undefined
  const bar = new SingleBar({
    format: '{bar} {percentage}% {eta_formatted} | {now}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  bar.start(steps, 0, { now: '' })
  return bar
}
