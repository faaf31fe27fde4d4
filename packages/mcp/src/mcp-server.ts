import { randomUUID } from 'node:crypto'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { encodedFormats, type Speech, speedRange } from '@mynah/core'
import { createApp, defaultLimits, type Engine, type SpeechService } from '@mynah/server'
import { z } from 'zod'
import packageJson from '../package.json' with { type: 'json' }

/** What an MCP server is made of. */
export interface McpOptions {
  /** Speaks. It stays yours to dispose of. */
  readonly synthesizer: Engine
  /** Folder of created voices; without it there is no `create_voice`. */
  readonly voices?: string | undefined
  /** Folder that speech is written to, as files that are named in the answer; without it the audio is in the answer itself. */
  readonly out?: string | undefined
}

/** An answer that carries more audio than this fills the memory of whoever asked: ten minutes of MP3. */
const maxTextCharacters = 10_000
const formats = ['mp3', 'wav', 'opus', 'flac'] as const

/** Builds a server of the Model Context Protocol with the tools `speak`, `list_voices` and `create_voice`. Connect it to a transport. */
export async function createMcpServer({ synthesizer, voices, out }: McpOptions): Promise<McpServer> {
  const { service } = await createApp({ synthesizer, voices, page: false })
  const server = new McpServer({ name: 'mynah', version: packageJson.version })
  addSpeak(server, service, out)
  server.registerTool(
    'list_voices',
    { title: 'List voices', description: 'Lists the voices that speak can use', annotations: { readOnlyHint: true } },
    () =>
      attempt(async () => {
        const listed = (await service.listVoices())
          .filter(({ problem }) => !problem)
          .map(({ id, name, description, kind }) => ({ id, name, description, kind }))
        return { content: [{ type: 'text', text: JSON.stringify(listed) }] }
      }),
  )
  if (voices !== undefined) addCreateVoice(server, service)
  return server
}

/** Serves one client over stdin and stdout until it goes away. */
export async function serveMcp(options: McpOptions): Promise<void> {
  const server = await createMcpServer(options)
  const closed = new Promise<void>(done => {
    server.server.onclose = done
    process.stdin.once('end', done)
  })
  await server.connect(new StdioServerTransport())
  await closed
  await server.close()
}

function addSpeak(server: McpServer, service: SpeechService, out: string | undefined): void {
  const inputSchema = {
    text: z.string().min(1).max(maxTextCharacters).describe('What to say. [word](/wˈɜːd/) gives a pronunciation, [pause 0.4s] a silence'),
    voice: z.string().optional().describe('Id of a voice from list_voices; the first one by default'),
    speed: z.number().min(speedRange[0]).max(speedRange[1]).optional().describe('Speaking rate, 1 by default'),
    seed: z.number().int().min(0).optional().describe('The same seed gives the same speech'),
    format: z.enum(formats).optional().describe('mp3 by default'),
  }
  const description = `Speaks a text aloud. The audio is ${out === undefined ? 'in the answer' : 'written to a file that the answer names'}, with the times of its words`
  server.registerTool('speak', { title: 'Speak', description, inputSchema }, ({ text, voice, format = 'mp3', ...others }, { signal }) =>
    attempt(async () => {
      const chosen = await service.findVoice(voice)
      const chunks: Speech[] = []
      const pieces: Uint8Array[] = []
      for await (const { speech, bytes } of await service.speakEncoded({ text, voice: chosen, signal, ...others }, { format })) {
        if (speech) chunks.push(speech)
        pieces.push(bytes)
      }
      const bytes = Buffer.concat(pieces)
      const report = {
        durationSeconds: chunks.reduce((sum, chunk) => sum + chunk.durationSeconds, 0),
        words: chunks.flatMap(chunk => chunk.words),
        warnings: chunks.flatMap(chunk => chunk.warnings),
      }
      if (out === undefined) {
        const { contentType } = encodedFormats[format]
        return { content: [{ type: 'audio', data: bytes.toString('base64'), mimeType: contentType }, toText(report)] }
      }
      await mkdir(out, { recursive: true })
      const file = resolve(join(out, `speech-${randomUUID()}${encodedFormats[format].ending}`))
      await writeFile(file, bytes, { flag: 'wx' })
      return { content: [toText({ file, ...report })] }
    }),
  )
}

function addCreateVoice(server: McpServer, service: SpeechService): void {
  const inputSchema = {
    recording: z.string().min(1).describe('Path of a recording of 1 to 15 s of one speaker: wav, mp3, flac or ogg'),
    transcript: z
      .string()
      .min(1)
      .max(2000)
      .optional()
      .describe('What is said in the recording; without it the model hears the sounds itself, and is less sure of them'),
    name: z.string().min(1).max(100).describe('What the voice is called'),
    consent: z
      .string()
      .min(10)
      .max(1000)
      .describe(
        'The statement of the speaker, or of who acts for them, that this voice may be made and what it may be used for. Ask the user for it; never make one up',
      ),
  }
  const description = 'Makes a voice of a recording, for speak to use. Only with the consent of whoever speaks in it'
  server.registerTool(
    'create_voice',
    { title: 'Create a voice', description, inputSchema },
    ({ recording, transcript, ...others }, { signal }) =>
      attempt(async () => {
        const said = transcript === undefined ? {} : { transcript }
        const { id, warnings } = await service.createVoice({ ...others, ...said, audio: await readRecording(recording), signal })
        return { content: [toText({ id, warnings })] }
      }),
  )
}

const toText = (value: object) => ({ type: 'text' as const, text: JSON.stringify(value) })

/** What fails is an answer that says so: the model that asked can read it and ask better. */
async function attempt(work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work()
  } catch (error) {
    return { isError: true, content: [{ type: 'text', text: (error as Error).message }] }
  }
}

async function readRecording(path: string): Promise<Uint8Array> {
  await using file = await open(path)
  const { size } = await file.stat()
  if (size > defaultLimits.recordingBytes)
    throw new RangeError(`${path} has ${size} bytes, expected at most ${defaultLimits.recordingBytes}: a minute of speech is enough`)
  return new Uint8Array(await file.readFile())
}
