import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { AudioFormatError, Speech, Voice } from '@mynah/core'
import type { Engine } from '@mynah/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMcpServer, type McpOptions } from './index.ts'

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mynah-mcp-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function createVoice(name: string, consent = ''): Voice {
  const codes = { dtype: 'int32' as const, shape: [2, 4], data: new Int32Array(8) }
  return new Voice({
    name,
    consent,
    transcript: 'Ah.',
    codec: 'fake@0',
    codes,
    phonemes: Int32Array.of(0, 11, 0),
    durations: Int32Array.of(1, 2, 1),
  })
}

const engine: Engine = {
  bundle: { name: 'fake-en', language: 'en-us', licence: 'MIT' },
  sampleRate: 24000,
  voices: [{ name: 'wren', description: 'A calm voice', licence: 'MIT' }],
  loadVoice: async name => createVoice(name),
  async createVoice({ audio, name = '', consent }) {
    if (!(audio instanceof Uint8Array) || audio.length < 10) throw new AudioFormatError('audio: is empty; record again', { code: 'empty' })
    return createVoice(name, consent)
  },
  async *stream(text, { voice } = {}) {
    if (text === '…') throw new RangeError('nothing in the text can be spoken')
    const words = [{ text: typeof voice === 'string' ? voice : voice!.consent, startSeconds: 0, endSeconds: 0.1 }]
    const timings = { frontEndSeconds: 0, languageModelSeconds: 0, vocoderSeconds: 0, totalSeconds: 0 }
    yield new Speech({ audio: new Float32Array(2400), sampleRate: 24000, startSeconds: 0, phonemes: '', words, warnings: [], timings })
  },
}

async function connect(options: Partial<McpOptions> = {}) {
  const server = await createMcpServer({ synthesizer: engine, ...options })
  const client = new Client({ name: 'test', version: '1.0.0' })
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(ours), client.connect(theirs)])
  onTestFinished(() => client.close())
  const call = async (name: string, values: Record<string, unknown> = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: values })
    return { isError, content: content as { type: string; text?: string; data?: string; mimeType?: string }[] }
  }
  return { client, call }
}

describe('the MCP server, asked by the official client', () => {
  it('has speak and list_voices, and create_voice where voices are kept', async () => {
    const names = async (options: Partial<McpOptions>) => (await (await connect(options)).client.listTools()).tools.map(({ name }) => name)
    expect(await names({})).toEqual(['speak', 'list_voices'])
    expect(await names({ voices: createFolder() })).toEqual(['speak', 'list_voices', 'create_voice'])
  })

  it('speaks into the answer, with word times', async () => {
    const { call } = await connect()
    const { content } = await call('speak', { text: 'Hello.', format: 'wav' })
    expect(content[0]).toMatchObject({ type: 'audio', mimeType: 'audio/wav' })
    expect(Buffer.from(content[0]!.data!, 'base64').length).toBe(44 + 4800)
    expect(JSON.parse(content[1]!.text!)).toEqual({
      durationSeconds: 0.1,
      words: [{ text: 'wren', startSeconds: 0, endSeconds: 0.1 }],
      warnings: [],
    })
  })

  it('speaks into a file of the folder that it was given', async () => {
    const out = createFolder()
    const { call } = await connect({ out })
    const { content } = await call('speak', { text: 'Hello.', format: 'wav' })
    const { file } = JSON.parse(content[0]!.text!)
    expect(readdirSync(out)).toEqual([file.split(/[\\/]/).at(-1)])
    expect(readFileSync(file).subarray(0, 4).toString()).toBe('RIFF')
  })

  it('makes a voice of a recording with consent, and speaks with it', async () => {
    const folder = createFolder()
    const { call } = await connect({ voices: join(folder, 'voices') })
    const recording = join(folder, 'me.wav')
    writeFileSync(recording, 'RIFF and so on')
    const without = await call('create_voice', { recording, transcript: 'Ah.', name: 'Anna' })
    expect(without).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('consent') }] })
    const { content } = await call('create_voice', { recording, transcript: 'Ah.', name: 'Anna', consent: 'Anna: I allow it, for tests.' })
    expect(JSON.parse(content[0]!.text!)).toMatchObject({ id: 'anna' })
    const voices = JSON.parse((await call('list_voices')).content[0]!.text!)
    expect(voices.map(({ id }: { id: string }) => id)).toEqual(['wren', 'anna'])
    const spoken = await call('speak', { text: 'Hello.', voice: 'anna', format: 'wav' })
    expect(spoken.content[1]!.text).toContain('Anna: I allow it')
  })

  it.each([
    ['speak', { text: 'Hi.', voice: '../../etc/passwd' }, 'there is no voice'],
    ['speak', { text: '…', format: 'wav' }, 'nothing in the text can be spoken'],
    ['speak', { text: 'Hi.', speed: 9 }, 'speed'],
    ['create_voice', { recording: '/nowhere/a.wav', transcript: 'Ah.', name: 'a', consent: 'I allow it, for tests.' }, 'no such file'],
  ])('answers what is wrong with %s as an error that can be read', async (tool, values, message) => {
    const { call } = await connect({ voices: createFolder() })
    expect(await call(tool, values)).toMatchObject({ isError: true, content: [{ text: expect.stringContaining(message) }] })
  })
})
