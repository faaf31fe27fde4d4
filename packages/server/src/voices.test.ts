import { readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Voice } from '@mynah/core'
import { describe, expect, it, vi } from 'vitest'
import { createFakeApp, createFakeVoice, createFolder, recording, speech } from './server.fixture.ts'

// biome-ignore lint/suspicious/noExplicitAny: what a client reads has no type here
const bodyOf = async (response: Response): Promise<any> => response.json()

describe('voices', () => {
  it('are created with consent, listed, spoken with, and deleted', async () => {
    const { ask, post, upload, engine } = await createFakeApp()
    const created = await upload({ name: 'Jürgen B.', audio_sample: recording, consent: 'It is me.', transcript: 'Ah.' })
    expect(created.status).toBe(201)
    expect(await bodyOf(created)).toMatchObject({
      id: 'jurgen-b',
      name: 'Jürgen B.',
      consent: 'It is me.',
      kind: 'created',
      warnings: ['prompt: this is a fake'],
    })
    expect((await bodyOf(await upload({ name: 'jurgen b', audio_sample: recording, consent: 'Me.' }))).id).toBe('jurgen-b-2')
    const { data } = await bodyOf(await ask('/v1/audio/voices'))
    expect(data.map(({ id, status }: Record<string, string>) => [id, status])).toEqual([
      ['wren', 'ready'],
      ['heron', 'ready'],
      ['jurgen-b', 'ready'],
      ['jurgen-b-2', 'ready'],
    ])
    expect((await post('/v1/audio/speech', { ...speech, voice: 'jurgen-b' })).status).toBe(200)
    expect(engine.asked[0]!.options.voice).toBeInstanceOf(Voice)
    expect(await bodyOf(await ask('/v1/audio/voices/jurgen-b', { method: 'DELETE' }))).toMatchObject({ id: 'jurgen-b', deleted: true })
    expect((await ask('/v1/audio/voices/jurgen-b', { method: 'DELETE' })).status).toBe(404)
  })

  it('with the name of a ready one are another voice, which speaks and can be deleted', async () => {
    const { ask, post, upload, engine } = await createFakeApp()
    const { id } = await bodyOf(await upload({ name: 'Wren', audio_sample: recording, consent: 'Me.' }))
    expect(id).toBe('wren-2')
    expect((await post('/v1/audio/speech', { ...speech, voice: id })).status).toBe(200)
    expect(engine.asked[0]!.options.voice).toMatchObject({ name: 'Wren' })
    expect((await ask(`/v1/audio/voices/${id}`, { method: 'DELETE' })).status).toBe(200)
  })

  it.each([
    ['consent', { name: 'a', audio_sample: recording }, /clone only voices whose owner has agreed/],
    ['name', { audio_sample: recording, consent: 'Me.' }, /what the voice is called/],
    ['audio_sample', { name: 'a', consent: 'Me.' }, /a recording of 1 to 15 s/],
    ['audio_sample', { name: 'a', consent: 'Me.', audio_sample: new Blob(['no audio']) }, /expected wav, mp3, flac or ogg/],
    ['consent', { name: 'a', audio_sample: recording, consent: '  ' }, /clone only voices/],
  ])('need a right %s', async (field, fields, message) => {
    const { upload } = await createFakeApp()
    const response = await upload(fields as Record<string, string | Blob>)
    expect(response.status).toBe(400)
    expect((await bodyOf(response)).error).toMatchObject({ param: field, message: expect.stringMatching(message) })
  })

  it.each(['../../etc/passwd', '..%2F..%2Fetc%2Fpasswd', '/etc/passwd', 'a/b', '.', '', 'x'.repeat(300), 'jurgen\0', 'WREN', 'con.'])(
    'are not found under the id %j',
    async id => {
      const { post, ask } = await createFakeApp()
      const response = await post('/v1/audio/speech', { ...speech, voice: id || { id: ' ' } })
      expect(response.status).toBe(404)
      expect((await bodyOf(response)).error).toMatchObject({ code: 'voice-not-found', message: expect.stringContaining('"wren", "heron"') })
      for (const path of [`/v1/audio/voices/${encodeURIComponent(id)}`, `/v1/text-to-speech/${encodeURIComponent(id)}`]) {
        expect((await ask(path, { method: path.includes('audio') ? 'DELETE' : 'POST' })).status).toBeGreaterThanOrEqual(400)
      }
    },
  )

  it('that links lead to are not in the folder', async () => {
    const [voices, outside] = [createFolder(), createFolder()]
    const { post } = await createFakeApp({ voices })
    await createFakeVoice({ name: 'a' }).save(join(outside, 'a.voice.safetensors'))
    symlinkSync(join(outside, 'a.voice.safetensors'), join(voices, 'a.voice.safetensors'))
    expect((await post('/v1/audio/speech', { ...speech, voice: 'a' })).status).toBe(404)
  })

  it('of a corrupt file are listed as unusable, refused with what to do, and deleted', async () => {
    const voices = createFolder()
    const { ask, post } = await createFakeApp({ voices })
    writeFileSync(join(voices, 'bad.voice.safetensors'), 'no voice at all')
    const { data } = await bodyOf(await ask('/v1/audio/voices'))
    expect(data[2]).toMatchObject({ id: 'bad', status: 'unusable' })
    const response = await post('/v1/audio/speech', { ...speech, voice: 'bad' })
    expect(response.status).toBe(422)
    const { error } = await bodyOf(response)
    expect(error).toMatchObject({ code: 'malformed-voice', message: expect.stringContaining('delete it and create it again') })
    expect(error.message).not.toContain(voices)
    expect((await ask('/v1/audio/voices/bad', { method: 'DELETE' })).status).toBe(200)
    expect((await post('/v1/audio/speech', speech)).status).toBe(200)
  })

  it('leave nothing behind when the disk is full, which is answered with 507', async () => {
    const voices = createFolder()
    const { upload } = await createFakeApp({ voices })
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
    const save = vi.spyOn(Voice.prototype, 'save').mockImplementation(async path => {
      await writeFile(path, 'half of')
      throw full
    })
    const response = await upload({ name: 'a', audio_sample: recording, consent: 'Me.' })
    save.mockRestore()
    expect(response.status).toBe(507)
    expect((await bodyOf(response)).error).toMatchObject({
      code: 'no-space',
      message: expect.stringContaining('disk of the server is full'),
    })
    expect(readdirSync(voices)).toEqual([])
    expect((await upload({ name: 'a', audio_sample: recording, consent: 'Me.' })).status).toBe(201)
    expect(readdirSync(voices)).toEqual(['a.voice.safetensors'])
  })

  it('that came with the model cannot be deleted', async () => {
    const { ask } = await createFakeApp()
    expect((await ask('/v1/audio/voices/wren', { method: 'DELETE' })).status).toBe(403)
  })

  it('cannot be created without a folder', async () => {
    const { upload } = await createFakeApp({ voices: undefined })
    const response = await upload({ name: 'a', audio_sample: recording, consent: 'Me.' })
    expect(response.status).toBe(403)
    expect((await bodyOf(response)).error.message).toMatch(/--voices DIR/)
  })
})
