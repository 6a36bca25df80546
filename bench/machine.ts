/**
 * What the figures were measured on: they mean nothing without it.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { resolve } from 'node:path'

export interface Machine {
  readonly date: string
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly filesystem: string
  readonly node: string
  readonly commit: string
}

export function describeMachine(directory: string): Machine {
  const cpus = os.cpus()
  return {
    date: new Date().toISOString(),
    processor: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Number((os.totalmem() / 2 ** 30).toFixed(1)),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    filesystem: filesystemOf(directory),
    node: process.version,
    commit: commit(),
  }
}

/** The kind of the mount that the directory lies in; Linux tells it. */
function filesystemOf(directory: string): string {
  const path = `${resolve(directory)}/`
  let longest = ''
  let kind = 'unknown'
  try {
    for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
      const [, mount = '', type = ''] = line.split(' ')
      const prefix = mount.endsWith('/') ? mount : `${mount}/`
      if (type === '' || !path.startsWith(prefix) || prefix.length < longest.length) continue
      longest = prefix
      kind = type
    }
  } catch {
    return os.platform()
  }
  return kind
}

function commit(): string {
  const git = (...words: string[]): string => {
    return execFileSync('git', words, { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim()
  }
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ', changed'
    return git('rev-parse', '--short', 'HEAD') + changed
  } catch {
    return 'unknown'
  }
}
