/**
 * Loaded before each test file: tap watches neither promises nor child processes.
 *
 * It hooks into every promise to tell which subtest a stray rejection comes from, and that takes
 * almost half of the time of an engine that lives by promises. Without it a stray rejection or
 * exception ends the file, which fails. And it loads itself into every child process to see what
 * it covers, so that one takes four times as long to start; a child is to be what users have.
 */
import hooks from 'node:async_hooks'
import { createRequire, syncBuiltinESMExports } from 'node:module'

const idle: hooks.AsyncHook = { enable: () => idle, disable: () => idle }
hooks.createHook = () => idle
syncBuiltinESMExports()

const spawning = createRequire(import.meta.url)('process-on-spawn') as {
  removeAllListeners(): void
}
spawning.removeAllListeners()
delete process.env['NODE_OPTIONS']
