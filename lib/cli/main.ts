#!/usr/bin/env node
/**
 * The command `cairn`: a store from the shell.
 *
 * Decides: what signals do. The first one ends the work in order, with the store closed; a second
 * one ends the process.
 */
import { run } from './run.js'
import { Interrupted, Session, type SignalName } from './session.js'

const session = new Session(process)
for (const name of ['SIGINT', 'SIGTERM'] satisfies SignalName[])
  process.on(name, () => {
    const reason = new Interrupted(name)
    if (session.signal.aborted) process.exit(reason.exitCode)
    session.interrupt(reason)
  })
process.exitCode = await run(process.argv.slice(2), session)
