import { readFile } from 'node:fs/promises'
import { isLoopback, type LogEntry, type RunningServer, type ServerOptions, startServer } from '@mynah/server'
import { type Arguments, type Command, defined, sharedOptions, UsageError } from '../arguments.ts'
import { openSynthesizer } from '../downloads.ts'
import { type Terminal, writeLines } from '../terminal.ts'

const defaultPort = 8080
/** Whoever comes later would wait for longer than clients do. */
const defaultMaxQueue = 32
/** Runs may take so long to end once the server is told to stop. */
const graceSeconds = 10

/** `mynah serve`: speech over HTTP, WebSocket and Wyoming, and a page to try it. */
export const serve: Command = {
  name: 'serve',
  operands: '',
  summary: 'Serve speech over HTTP as OpenAI, ElevenLabs and Home Assistant clients ask for it, and a page to try it',
  details: [
    'Log lines are JSON on stderr, without texts. Ctrl-C or SIGTERM lets what runs come to its end.',
    'Off loopback it needs --api-key-file: a file of keys of at least 16 characters, a line each.',
  ],
  options: {
    host: { value: 'HOST', help: 'where to listen (default: 127.0.0.1)' },
    port: { value: 'N', help: `port, 0 for a free one (default: ${defaultPort})` },
    voices: { value: 'DIR', help: 'folder of created voices; without it none can be created' },
    'api-key-file': { value: 'FILE', help: 'whoever sends one of these keys is served (default: everybody on this machine)' },
    wyoming: { value: '[HOST:]PORT', help: 'also speak Wyoming, for Home Assistant; it knows no keys (host by default: 127.0.0.1)' },
    rate: { value: 'N', help: 'requests a minute of one client (default: 600)' },
    'max-text': { value: 'N', help: 'characters of one text (default: 20000)' },
    workers: { value: 'N|auto', help: 'inference workers (default: 1)' },
    'max-queue': { value: 'N', help: `requests that may wait; more are answered with 429 (default: ${defaultMaxQueue})` },
    bundle: sharedOptions.bundle,
    device: sharedOptions.device,
    threads: sharedOptions.threads,
  },
  examples: [
    ['mynah serve --voices voices', `serves http://127.0.0.1:${defaultPort}, voices are kept in ./voices`],
    ['mynah serve --host 0.0.0.0 --api-key-file keys.txt', 'serves the network, with keys'],
    ['mynah serve --wyoming 0.0.0.0:10200', 'speaks for Home Assistant on another machine'],
  ],

  async run(args, terminal) {
    args.noOperands('serve')
    const host = args.text('host') ?? '127.0.0.1'
    const port = args.number('port', { least: 0, most: 65535, integer: true }) ?? defaultPort
    const wyoming = readWyoming(args)
    const limits = defined({
      requestsPerMinute: args.number('rate', { least: 1, most: 1e6, integer: true }),
      textCharacters: args.number('max-text', { least: 1, most: 1e7, integer: true }),
    })
    const apiKeys = await readKeys(args.text('api-key-file'))
    if (!isLoopback(host) && apiKeys.length === 0) {
      throw new UsageError(`--host ${host} is reached by others; give --api-key-file FILE, with a key such as "openssl rand -hex 32" makes`)
    }
    const maxQueue = args.number('max-queue', { least: 0, most: 1e6, integer: true }) ?? defaultMaxQueue
    const workers = args.text('workers') === 'auto' ? ('auto' as const) : args.number('workers', { least: 1, most: 64, integer: true })
    await using mynah = await openSynthesizer(terminal, { ...args.modelOptions(), ...defined({ workers }), maxQueue })
    await mynah.warmUp()
    const log = (entry: LogEntry) => void terminal.stderr.write(`${JSON.stringify(entry)}\n`)
    const server = await listen({
      synthesizer: mynah,
      host,
      port,
      apiKeys,
      limits,
      log,
      ...defined({ voices: args.text('voices'), wyoming }),
    })
    const lines = [
      `${mynah.bundle.name} on ${mynah.device}: ${server.url}`,
      ...(server.wyomingPort === undefined ? [] : [`Wyoming on port ${server.wyomingPort}`]),
      'Ctrl-C stops it.',
    ]
    await writeLines(terminal.stderr, lines)
    await untilAborted(terminal)
    await server.close(graceSeconds)
    return true
  },
}

/** @throws {RangeError} if the port is taken */
async function listen(options: ServerOptions): Promise<RunningServer> {
  try {
    return await startServer(options)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    throw new RangeError(`${error.message}; another program listens there: choose a port with --port (or --wyoming)`, { cause: error })
  }
}

/** A key a line; lines that begin with # are comments. */
async function readKeys(file: string | undefined): Promise<string[]> {
  if (file === undefined) return []
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/).map(line => line.trim())
  const keys = lines.filter(line => line !== '' && !line.startsWith('#'))
  if (keys.length === 0) throw new UsageError(`--api-key-file ${file} holds no key; write one a line`)
  return keys
}

function readWyoming(args: Arguments): { host?: string; port: number } | undefined {
  const text = args.text('wyoming')
  if (text === undefined) return undefined
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text)
  if (!match || Number(match[2]) > 65535) throw new UsageError(`--wyoming is "${text}", expected a port, such as 10200, or 0.0.0.0:10200`)
  return { port: Number(match[2]), ...(match[1] === undefined ? {} : { host: match[1] }) }
}

function untilAborted({ signal }: Terminal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
