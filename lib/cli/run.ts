/**
 * One run of the command `cairn`, on whatever streams the session has.
 *
 * Output goes to stdout (`--json`: one document or JSON lines), everything else to stderr.
 * Decides: exit codes (failure.ts tells them) and that a run ends quietly when the reader of its
 * output goes away.
 */
import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import { EXIT_OK, EXIT_USAGE, explain, failureText } from './failure.js'
import { addJournalCommands } from './journal.js'
import { addLoadCommand } from './load.js'
import { addMapCommands } from './map.js'
import { ClosedPipe } from './output.js'
import { addReadCommands } from './read.js'
import { Interrupted, type Session } from './session.js'
import { addUpkeepCommands } from './upkeep.js'
import { addWriteCommands } from './write.js'

const { version } = createRequire(import.meta.url)('cairndb/package.json') as { version: string }

/** Does what the words of a command line say; gives the exit code, and never rejects. */
export async function run(words: readonly string[], session: Session): Promise<number> {
  try {
    await createProgram(session).parseAsync(words, { from: 'user' })
    return session.exitCode
  } catch (error) {
    return endedBy(error, session)
  }
}

function createProgram(session: Session): Command {
  const { stdout, stderr } = session.streams
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
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
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

/** The exit code of a run that ended in an error, which is told where anybody wants to know. */
function endedBy(error: unknown, { streams: { stderr } }: Session): number {
  if (error instanceof ClosedPipe) return EXIT_OK
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
  stderr.write(failureText(error))
  return explain(error).exitCode
}
