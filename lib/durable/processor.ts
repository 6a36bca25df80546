/**
 * Which cipher is the faster one here: AES-256-GCM where the processor has instructions for AES.
 *
 * Node does not tell. Linux does, in /proc/cpuinfo; elsewhere x64 and arm64 stand for processors
 * that have them, as every Mac has and every PC of the last ten years. A wrong guess costs speed.
 */
import { readFileSync } from 'node:fs'
import type { CipherName } from '../format/cipher.js'

/** The cipher that 'auto' stands for. */
export function fasterCipher(): CipherName {
  const told = process.platform === 'linux' ? readProcessors() : undefined
  return hasAes(process.arch, told) ? 'aes-256-gcm' : 'chacha20-poly1305'
}

/** `told` is what Linux says of its processors, where that is known. */
export function hasAes(arch: string, told: string | undefined): boolean {
  // x64 says flags, arm64 says Features.
  const lists = [...(told ?? '').matchAll(/^(?:flags|Features)\s*:(.*)$/gm)]
  if (lists.length > 0) return lists.every(([, list]) => list!.split(' ').includes('aes'))
  return arch === 'x64' || arch === 'arm64'
}

function readProcessors(): string | undefined {
  try {
    return readFileSync('/proc/cpuinfo', 'latin1')
  } catch {
    return undefined
  }
}
