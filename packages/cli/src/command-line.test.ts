import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeWav } from '@mynah/audio'
import { Voice } from '@mynah/core'
import { float32Tensor, readSafetensors, writeSafetensors } from '@mynah/onnx'
import { decode } from 'fast-png'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mynah } from './run.fixture.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const hasModel = existsSync(join(root, 'packages/voice-en/bundle.json'))
const recording = join(root, 'examples/recording.opus')
const transcript = 'Only, it is so wonderful, so almost impossible to believe.'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the command line', () => {
  it('teaches every command with options and examples, on stdout with code 0', async () => {
    for (const command of [
      'say',
      'voice create',
      'voice list',
      'voice show',
      'vocode',
      'codec encode',
      'codec decode',
      'inspect',
      'doctor',
    ]) {
      const { code, out, err } = await mynah([...command.split(' '), '--help'])
      expect(code).toBe(0)
      expect(err).toBe('')
      expect(out).toMatch(new RegExp(`^mynah ${command} `))
      expect(out).toContain('Options:')
      expect(out).toMatch(/Examples:\n {2}mynah /)
    }
  })

  it('lists the commands for --help on stdout with code 0, and without a command on stderr with code 2', async () => {
    const asked = await mynah(['--help'])
    expect(asked).toMatchObject({ code: 0, err: '' })
    expect(asked.out).toContain('mynah say TEXT|-')
    expect(await mynah([])).toMatchObject({ code: 2, out: '', err: asked.out })
    const group = await mynah(['voice'])
    expect(group.code).toBe(2)
    expect(group.err).toContain('mynah voice create AUDIO')
    expect(group.err).not.toContain('mynah say TEXT')
  })

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'))
    expect(await mynah(['--version'])).toMatchObject({ code: 0, out: `${version}\n` })
  })

  it.each([
    [['sing'], /there is no command "sing"/],
    [['say'], /TEXT is missing/],
    [['say', 'Hi.', '--loud'], /--loud/],
    [['say', 'Hi.', '--seed', 'x'], /--seed is "x", expected an integer from 0/],
    [['say', 'Hi.', '--seed', '1.5'], /expected an integer/],
    [['say', 'Hi.', '--speed', '9'], /--speed is "9", expected a number from 0.5 to 2/],
    [['say', 'Hi.', '--device', 'tpu'], /--device is "tpu", expected one of auto, cpu/],
    [['say', 'Hi.', '--out', 'a.m4a'], /expected a name that ends in .wav, .mp3, .opus/],
    [['say', 'Hi.', '--out', '-', '--json'], /both want stdout/],
    [['say', 'Hi.', '--transcript', 'A.'], /--transcript needs --prompt/],
    [['say', 'Hi.', '--transcribe'], /--transcribe needs --prompt/],
    [['voice', 'create', 'a.wav', '--transcribe', '--transcript', 'A.'], /exclude each other/],
    [['say', 'Hi.', '--vocoder-config', 'c.json'], /--vocoder-config needs --vocoder/],
    [['say', 'Hi.', '--prompt', 'a.wav', '--transcript', 'A.', '--voice', 'b'], /exclude each other/],
    [['serve', 'now'], /"now" is too much/],
    [['serve', '--host', '0.0.0.0'], /--host 0\.0\.0\.0 is reached by others; give --api-key-file/],
    [['serve', '--port', '70000'], /--port is "70000", expected an integer from 0 to 65535/],
    [['serve', '--wyoming', 'kitchen'], /--wyoming is "kitchen", expected a port/],
    [['mcp', 'now'], /"now" is too much/],
    [['batch', 'jobs.jsonl'], /--out is missing/],
    [['batch', '--out', 'spoken'], /JOBS.jsonl is missing/],
    [['batch', 'jobs.jsonl', '--out', 'spoken', '--queue', 'a'], /--queue needs --redis/],
    [['voice', 'create'], /is missing/],
    [['voice', 'create', 'a.wav', '--transcript', 'A.', '--out', 'a.bin'], /expected a name that ends in .voice.safetensors/],
    [['voice', 'show'], /is missing/],
    [['inspect', 'a', 'b'], /2 operands/],
    [['vocode', '--checkpoint', 'g', '--out', 'b.wav'], /AUDIO, the recording is missing/],
    [['vocode', 'a.wav', '--out', 'b.wav'], /--checkpoint is missing/],
    [['vocode', 'a.wav', '--checkpoint', 'g'], /--out is missing/],
    [['vocode', 'a.wav', '--checkpoint', 'g', '--out', 'b.mp3'], /expected a name that ends in .wav/],
    [['vocode', 'a.wav', '--checkpoint', 'g', '--out', './a.wav'], /name another file/],
    [['vocode', 'a.wav', '--checkpoint', 'g', '--out', 'b.wav', '--seed', '-1'], /--seed/],
    [['codec', 'encode', 'a.wav', '--checkpoint', 'g'], /--out is missing/],
    [['codec', 'encode', 'a.wav', '--checkpoint', 'g', '--out', 'a.ecdc', '--bandwidth', 'x'], /--bandwidth is "x"/],
    [['convert', 'a.pt'], /--out is missing/],
    [['codec', 'decode', 'a.ecdc', '--out', 'a.wav'], /--checkpoint is missing/],
  ])('calls %j wrong usage: code 2, and nothing on stdout', async (words, message) => {
    const { code, out, err } = await mynah(words)
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toMatch(message)
  })
})

describe('mynah inspect', () => {
  it('describes a recording and draws its mel spectrogram', async () => {
    const [png, svg] = [join(folder, 'a.png'), join(folder, 'a.svg')]
    const { code, out } = await mynah(['inspect', recording, '--png', png, '--svg', svg])
    expect(code).toBe(0)
    expect(out).toMatch(/recording\.opus: ogg-opus, 4\.49 s, 48000 Hz, mono/)
    const picture = decode(readFileSync(png))
    expect(picture.height).toBe(240) // 80 bands of 3 pixels
    expect(picture.width).toBe(2 * Math.floor((4.489 * 24000) / 300))
    expect(new Set(picture.data).size).toBeGreaterThan(100)
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [^>]*>[\s\S]*>1 kHz<\/text>[\s\S]*>seconds<\/text>\n<\/svg>\n$/)
  })

  it('shows a steady tone as one bright row', async () => {
    const [wav, png] = [join(folder, 'tone.wav'), join(folder, 'tone.png')]
    writeFileSync(
      wav,
      encodeWav(
        Float32Array.from({ length: 24000 }, (_, n) => 0.5 * Math.sin((2 * Math.PI * 1000 * n) / 24000)),
        24000,
      ),
    )
    expect((await mynah(['inspect', wav, '--png', png])).code).toBe(0)
    const { width, height, data } = decode(readFileSync(png))
    const green = (y: number) => data[(y * width + width / 2) * 3 + 1]!
    const brightest = Array.from({ length: height }, (_, y) => y).reduce((best, y) => (green(y) > green(best) ? y : best))
    expect(1 - brightest / height).toBeCloseTo(0.3, 1) // 1 kHz is 15 of 50 mels below 12 kHz
  })

  it('lists the tensors of a checkpoint, as text and as JSON', async () => {
    const file = join(folder, 'weights.safetensors')
    writeSafetensors(file, { 'conv.weight': float32Tensor(new Float32Array(6), [2, 3]) }, { made: 'here' })
    const { code, out } = await mynah(['inspect', file])
    expect(code).toBe(0)
    expect(out).toContain('safetensors, 1 tensors, 6 elements')
    expect(out).toContain('metadata made: here')
    expect(out).toContain('conv.weight  float32  [2, 3]')
    const { out: json } = await mynah(['inspect', file, '--json'])
    expect(JSON.parse(json)).toMatchObject({
      kind: 'checkpoint',
      elements: 6,
      tensors: [{ name: 'conv.weight', dtype: 'float32', shape: [2, 3] }],
    })
    expect(await mynah(['inspect', file, '--png', join(folder, 'no.png')])).toMatchObject({ code: 2 })
  })

  it('shows a PyTorch checkpoint with everything beside its tensors, and never loads its classes', async () => {
    const { code, out } = await mynah(['inspect', join(root, 'test/fixtures/containers/good/objects.legacy.pt')])
    expect(code).toBe(0)
    expect(out).toMatch(/torch-legacy, \d+ tensors/)
    expect(out).not.toContain('[object')
  })

  it('names the file in what it says of anything else: code 1', async () => {
    const text = join(folder, 'text.txt')
    writeFileSync(text, 'This is no recording, and no checkpoint either.')
    const wrong = await mynah(['inspect', text])
    expect(wrong).toMatchObject({ code: 1, out: '' })
    expect(wrong.err).toContain(text)
    expect((await mynah(['inspect', join(folder, 'absent')])).err).toMatch(/absent: there is no such file/)
    const empty = join(folder, 'empty')
    writeFileSync(empty, '')
    expect(await mynah(['inspect', empty])).toMatchObject({ code: 1 })
  })

  it.skipIf(!hasModel)('checks the files of a bundle', async () => {
    const { code, out } = await mynah(['inspect', join(root, 'packages/voice-en')])
    expect(code).toBe(0)
    expect(out).toContain('every file has the sha256 that the manifest lists')
  })
})

describe.skipIf(!hasModel)(`speaking${hasModel ? '' : ' (skipped: packages/voice-en has no bundle.json)'}`, { timeout: 180_000 }, () => {
  it('mynah say writes a file, keeps stdout clean, and tells what ran on stderr', async () => {
    const file = join(folder, 'say.wav')
    const { code, bytes, err } = await mynah(['say', 'Hello.', '--out', file, '--device', 'cpu'])
    expect(code).toBe(0)
    expect(bytes.length).toBe(0)
    expect(err).toMatch(/say\.wav: \d+\.\d\d s of speech at 24000 Hz, voice-en, voice "\w+", on cpu\nloaded in .* real-time factor \d/)
    expect(err).not.toContain('\x1b')
    expect(readFileSync(file).toString('latin1', 0, 4)).toBe('RIFF')
  })

  it('mynah say --json puts the report on stdout', async () => {
    const { code, out, err } = await mynah(['say', 'Hello', 'there.', '--out', join(folder, 'say.mp3'), '--device', 'cpu', '--json'])
    expect(code).toBe(0)
    expect(err).toBe('')
    const report = JSON.parse(out)
    expect(report).toMatchObject({ model: 'voice-en', device: 'cpu', sampleRate: 24000 })
    expect(report.words.map((word: { text: string }) => word.text.toLowerCase())).toEqual(['hello', 'there'])
    expect(report.realTimeFactor).toBeCloseTo(report.synthesisSeconds / report.durationSeconds, 6)
  })

  it('mynah say - --out - turns stdin into WAV on stdout, the same for the same seed', async () => {
    const words = ['say', '-', '--out', '-', '--device', 'cpu', '--seed', '5']
    const [first, second] = [await mynah(words, { stdin: 'One two.' }), await mynah(words, { stdin: 'One two.' })]
    expect(first.code).toBe(0)
    expect(first.bytes.toString('latin1', 0, 4)).toBe('RIFF')
    expect(first.bytes.equals(second.bytes)).toBe(true)
  })

  it('draws progress only where somebody watches', async () => {
    const { err } = await mynah(['say', 'Hello.', '--out', join(folder, 'watched.wav'), '--device', 'cpu'], { isInteractive: true })
    expect(err.split('\r\x1b[2K').join('<erase>')).toMatch(/<erase>\d+\.\d s spoken/)
  })

  it('says what is wrong with a text or a voice: code 1', async () => {
    const empty = await mynah(['say', '', '--out', join(folder, 'empty.wav'), '--device', 'cpu'])
    expect(empty).toMatchObject({ code: 1, out: '' })
    expect(empty.err).toMatch(/^mynah say: /)
    const unknown = await mynah(['say', 'Hi.', '--voice', 'nobody', '--out', join(folder, 'x.wav'), '--device', 'cpu'])
    expect(unknown.code).toBe(1)
    expect(unknown.err).toContain('"nobody"')
  })

  it('ends with code 130 when interrupted', async () => {
    const words = ['say', 'Hello.', '--out', join(folder, 'never.wav'), '--device', 'cpu']
    expect(await mynah(words, { signal: AbortSignal.abort(new Error('interrupted')) })).toMatchObject({ code: 130, out: '' })
    expect(existsSync(join(folder, 'never.wav'))).toBe(false)
  })

  it('mynah voice create without a transcript hears the recording itself, and says how sure it is', async () => {
    const file = join(folder, 'heard.voice.safetensors')
    const made = await mynah(['voice', 'create', recording, '--out', file, '--device', 'cpu'])
    expect(made.code, made.err).toBe(0)
    expect(made.err).toMatch(/transcript {2}\/.+\/ \(heard\)/)
    expect(made.err).toMatch(/warning: prompt: without a transcript, heard \/.+\/, \d\d % sure/)
    expect(JSON.parse((await mynah(['voice', 'show', file, '--json'])).out)).toMatchObject({ transcription: 'heard' })
  })

  it('mynah voice create makes a voice that show, inspect and say understand', async () => {
    const file = join(folder, 'kathleen.voice.safetensors')
    const made = await mynah([
      'voice',
      'create',
      recording,
      '--transcript',
      transcript,
      '--name',
      'kathleen',
      '--consent',
      'CC0',
      '--out',
      file,
      '--device',
      'cpu',
    ])
    expect(made.code, made.err).toBe(0)
    expect(made.out).toBe('')
    expect(await Voice.load(file)).toMatchObject({ name: 'kathleen', transcript, consent: 'CC0' })
    expect(readSafetensors(file).metadata.format).toBe('mynah-voice')

    const shown = JSON.parse((await mynah(['voice', 'show', file, '--json'])).out)
    expect(shown).toMatchObject({ name: 'kathleen', codebooks: 8 })
    const png = join(folder, 'voice.png')
    const inspected = await mynah(['inspect', file, '--png', png])
    expect(inspected.out).toMatch(/phonemes {4}_ˈoʊnli/)
    expect(decode(readFileSync(png)).width).toBe(shown.frames * 4)
    const spoken = await mynah(['say', 'Hello.', '--voice', file, '--out', join(folder, 'cloned.wav'), '--device', 'cpu'])
    expect(spoken.err).toContain('voice "kathleen"')
  })

  it('mynah voice list prints one voice per line', async () => {
    const { code, out } = await mynah(['voice', 'list'])
    expect(code).toBe(0)
    const { voices } = JSON.parse(readFileSync(join(root, 'packages/voice-en/bundle.json'), 'utf8'))
    expect(out.trimEnd().split('\n')).toHaveLength(voices.length)
  })

  it('mynah doctor finds the CPU and a model that speaks', async () => {
    const { code, out } = await mynah(['doctor', '--json'])
    expect(code, out).toBe(0)
    const { ok, checks } = JSON.parse(out)
    expect(ok).toBe(true)
    expect(checks.filter((check: { ok: boolean }) => check.ok).map((check: { name: string }) => check.name)).toEqual(
      expect.arrayContaining(['node', 'cpu', 'model']),
    )
    expect(checks.find((check: { name: string }) => check.name === 'cpu').found).toMatch(
      /^works: \d+\.\d\d ms for convolutions, \d+\.\d\d ms for a step$/,
    )
    expect(checks.find((check: { name: string }) => check.name === 'onnxruntime').found).toMatch(/^\d+\.\d+\.\d+$/)
  })
})
