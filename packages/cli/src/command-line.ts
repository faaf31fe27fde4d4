import { MynahError } from '@mynah/onnx'
import packageJson from '../package.json' with { type: 'json' }
import { Arguments, type Command, type Option, UsageError } from './arguments.ts'
import { batch } from './commands/batch.ts'
import { codecDecode, codecEncode } from './commands/codec.ts'
import { convert } from './commands/convert.ts'
import { doctor } from './commands/doctor.ts'
import { inspect } from './commands/inspect.ts'
import { mcp } from './commands/mcp.ts'
import { pull } from './commands/pull.ts'
import { say } from './commands/say.ts'
import { serve } from './commands/serve.ts'
import { vocode } from './commands/vocode.ts'
import { voiceCreate, voiceList, voiceShow } from './commands/voice.ts'
import { type Terminal, toColumns, write, writeLines } from './terminal.ts'

/** Every command, in the order of the help. */
const commands: readonly Command[] = [
  say,
  batch,
  voiceCreate,
  voiceList,
  voiceShow,
  serve,
  mcp,
  vocode,
  codecEncode,
  codecDecode,
  convert,
  inspect,
  pull,
  doctor,
]

/** What a shell learns: done, failed, called wrongly, or interrupted (128 + SIGINT). */
const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const

const helpOption: Readonly<Record<string, Option>> = { help: { short: 'h', help: 'show this help' } }

/**
 * Runs one command line. Results go to stdout, everything else to stderr.
 * @param words the command line without node and script
 * @returns the exit code: 0 done, 1 failed, 2 called wrongly, 130 interrupted
 */
export async function runCommandLine(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, second] = words
  if (first === '--version') {
    await writeLines(terminal.stdout, [packageJson.version])
    return exitCodes.ok
  }
  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`)
  if (!command) return explainCommands(words, terminal)
  try {
    const args = Arguments.parse(words.slice(command.name.split(' ').length), { ...command.options, ...helpOption })
    if (args.flag('help')) {
      await writeLines(terminal.stdout, describeCommand(command))
      return exitCodes.ok
    }
    return (await command.run(args, terminal)) ? exitCodes.ok : exitCodes.failure
  } catch (error) {
    if (error instanceof UsageError) {
      await writeLines(terminal.stderr, [`mynah ${command.name}: ${error.message}`, `See: mynah ${command.name} --help`])
      return exitCodes.usage
    }
    if (terminal.signal.aborted) return exitCodes.interrupted
    await writeLines(terminal.stderr, [`mynah ${command.name}: ${explainError(error)}`])
    return exitCodes.failure
  }
}

/** The overview: asked for, or because there is no such command. A group (`mynah voice`) shows its commands. */
async function explainCommands(words: readonly string[], { stdout, stderr }: Terminal): Promise<number> {
  const asked = words.some(word => word === '--help' || word === '-h' || word === 'help')
  const [first] = words
  const group = commands.filter(({ name }) => name.startsWith(`${first} `))
  const known = group.length > 0 || first === undefined || asked
  if (!known) {
    await write(stderr, `mynah: there is no command "${first}"\n`)
  }
  await writeLines(asked ? stdout : stderr, describeAll(group.length > 0 ? group : commands))
  return asked ? exitCodes.ok : exitCodes.usage
}

function describeAll(shown: readonly Command[]): string[] {
  return [
    'mynah speaks text in a voice it has heard for a few seconds.',
    '',
    ...toColumns(shown.map(({ name, operands, summary }) => [`  mynah ${name} ${operands}`.trimEnd(), summary])),
    '',
    'Try:',
    ...shown.flatMap(({ examples }) => examples.slice(0, 1).map(([example]) => `  ${example}`)),
    '',
    'More about each: mynah COMMAND --help',
  ]
}

function describeCommand({ name, operands, summary, details, options, examples }: Command): string[] {
  const rows = Object.entries({ ...options, ...helpOption }).map(([option, { value, short, help }]) => [
    `  ${short ? `-${short}, ` : ''}--${option}${value ? ` ${value}` : ''}`,
    help,
  ])
  return [
    `mynah ${name} ${operands} [options]`.replace('  ', ' '),
    `${summary}.`,
    ...(details ? ['', ...details] : []),
    '',
    'Options:',
    ...toColumns(rows),
    '',
    'Examples:',
    ...examples.flatMap(([example, does]) => [`  ${example}`, `      ${does}`]),
  ]
}

/** The message of an error that says what to do; the stack of one that nobody foresaw. */
function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (MynahError.isInstance(error)) return `${error.message} [${error.code}]`
  if (error instanceof RangeError || 'syscall' in error) return error.message
  return `${error.stack}\nThis is a bug in Mynah; please report it with the command that led here.`
}
