#!/usr/bin/env node
/**
 * The command `cairn`: a store from the shell.
 *
 * Output goes to stdout (`--json`: one document or JSON lines), everything else to stderr.
 * Decides: exit codes (failure.ts tells them) and how a run ends: quietly when the reader of its
 * output goes away, with the store closed when a signal comes.
 */
import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import { EXIT_OK, EXIT_USAGE, explain, printFailure } from './failure.js'
import { addJournalCommands } from './journal.js'
import { addLoadCommand } from './load.js'
import { addMapCommands } from './map.js'
import { ClosedPipe } from './output.js'
import { addReadCommands } from './read.js'
import { Interrupted, Session } from './session.js'
import { addUpkeepCommands } from './upkeep.js'
import { addWriteCommands } from './write.js'

const { version } = createRequire(import.meta.url)('cairndb/package.json') as { version: string }

function createProgram(session: Session): Command {
  const program = new Command('cairn')
    .description('Look into, fill and look after cairndb and LevelDB stores.')
    .version(version)
    .option('--json', 'machine-readable output')
    .addOption(
      new Option('--plane <name>', 'which data plane does the work')
        .choices(['auto', 'native', 'typescript'])
        .default('auto'),
    )
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const [first, ...rest] = text
          .replace(/^error: /, '')
          .trimEnd()
          .split('\n')
        write(`cairn: ${first} (USAGE)\n${rest.map((line) => `${line}\n`).join('')}`)
      },
    })
    .showHelpAfterError('  run `cairn help` to see how')
  addLoadCommand(program, session)
  addReadCommands(program, session)
  addWriteCommands(program, session)
  addUpkeepCommands(program, session)
  addJournalCommands(program, session)
  addMapCommands(program, session)
  return program
}

/** The exit code of a run that ended in an error. */
function endedBy(error: unknown): number {
  if (error instanceof ClosedPipe) return EXIT_OK
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  printFailure(error)
  return explain(error).exitCode
}

const session = new Session()
session.listen()
// A closed stderr has nobody to tell.
process.stderr.on('error', () => {})
try {
  await createProgram(session).parseAsync()
} catch (error) {
  process.exitCode = endedBy(error)
}
