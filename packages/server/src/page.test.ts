import { existsSync, mkdirSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createFakeEngine, createFolder } from './server.fixture.ts'
import { startServer } from './server.ts'

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  path => path && existsSync(path),
)
const why = executablePath ? '' : ' (skipped: no Chromium; apt-get install chromium, or name one in CHROMIUM)'
/** Where pictures of the page are written, if named. */
const pictures = process.env.MYNAH_PAGE_PICTURES
const timeout = 120_000
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
]

describe.skipIf(!executablePath)(`the page in Chromium${why}`, { timeout }, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, headless: true, args: flags })
  }, timeout)
  afterAll(() => browser.close())

  async function open(
    options: { width?: number; apiKeys?: string[] } = {},
  ): Promise<{ page: Page; engine: ReturnType<typeof createFakeEngine>; problems: string[] }> {
    const engine = createFakeEngine()
    const server = await startServer({ synthesizer: engine, voices: createFolder(), apiKeys: options.apiKeys })
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1000, height: 900 },
      permissions: ['microphone', 'clipboard-read', 'clipboard-write'],
    })
    onTestFinished(async () => {
      await context.close()
      await server.close(0)
    })
    const page = await context.newPage()
    page.setDefaultTimeout(timeout / 2)
    const problems: string[] = []
    page.on('pageerror', error => problems.push(error.message))
    page.on('console', message => message.type() === 'error' && problems.push(message.text()))
    await page.goto(server.url)
    return { page, engine, problems }
  }

  it('speaks the text as it arrives, and shows its words, its waveform and its spectrogram', async () => {
    const { page, engine, problems } = await open()
    await page.getByLabel('Text', { exact: true }).fill('Hello there, you and you. '.repeat(8))
    await page.getByLabel('Voice', { exact: true }).selectOption('heron')
    await page.getByRole('button', { name: 'Speak' }).click()
    await page.locator('#words .lit').first().waitFor()
    await page.getByText('Done').waitFor()
    expect(await page.locator('#words').textContent()).toBe('Hello there, you and you. '.repeat(8).trim())
    expect(engine.asked[0]).toMatchObject({
      text: expect.stringMatching(/^Hello there, you and you\. .*you\.$/),
      options: { voice: 'heron', speed: 1, seed: 0 },
    })
    for (const id of ['wave', 'mel']) {
      const pixels = `(({ width, height }, context) => new Set(new Uint32Array(context.getImageData(0, 0, width, height).data.buffer)).size)`
      const drawn = await page.evaluate<number>(`${pixels}(${id}, ${id}.getContext('2d'))`)
      expect(drawn, id).toBeGreaterThan(1)
    }
    expect(await page.getByText(/4\.0 s of speech/).count()).toBe(1)
    expect(problems).toEqual([])
  })

  it('is worked by the keyboard alone', async () => {
    const { page, engine } = await open()
    const names: string[] = []
    for (let i = 0; i < 6; i++) {
      await page.keyboard.press('Tab')
      names.push(await page.evaluate<string>('document.activeElement.id || document.activeElement.textContent'))
    }
    expect(names).toEqual(['Skip to the text', 'text', 'voice', 'speed', 'seed', 'speak'])
    await page.keyboard.press('Enter')
    await page.locator('#words span').first().waitFor()
    expect(engine.asked.length).toBe(1)
  })

  it('names every control for a screen reader', async () => {
    const { page } = await open()
    await page.getByText('Add a voice').click()
    const nameless = await page.evaluate<string[]>(
      `[...document.querySelectorAll('input, textarea, select, button, meter, canvas')]
        .filter(each => !each.labels?.length && !each.getAttribute('aria-label') && !each.textContent.trim()).map(each => each.outerHTML)`,
    )
    expect(nameless).toEqual([])
  })

  it('makes a voice of what the microphone hears, speaks with it, and deletes it', async () => {
    const { page, engine } = await open()
    await page.getByText('Add a voice').click()
    await page.getByRole('button', { name: '● Record' }).click()
    await expect.poll(() => page.evaluate<number>('level.value'), { timeout: 30_000 }).toBeGreaterThan(0)
    await page.getByRole('button', { name: '■ Stop' }).click()
    await page.getByText('Recorded. Listen').waitFor()
    await page.getByLabel('Name of the voice').fill('Anna')
    await page.getByLabel('Who speaks').fill('My own voice.')
    await page.getByRole('button', { name: 'Add the voice' }).click()
    await page.getByText('“Anna” is among the voices now').waitFor()
    expect(await page.getByLabel('Voice', { exact: true }).inputValue()).toBe('anna')
    await page.getByRole('button', { name: 'Speak' }).click()
    await page.locator('#words span').first().waitFor()
    expect(engine.asked[0]!.options.voice).toMatchObject({ name: 'Anna', consent: 'My own voice.' })
    await page.getByRole('button', { name: 'Delete “anna”' }).click()
    await page.getByText('“anna” is gone').waitFor()
  })

  it('downloads a file, and copies the request as curl', async () => {
    const { page } = await open()
    await page.getByLabel('Text', { exact: true }).fill("It's me.")
    await page.getByRole('button', { name: 'Speak' }).click()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()])
    expect(file.suggestedFilename()).toBe('mynah.wav')
    await page.getByRole('button', { name: 'Copy as curl' }).click()
    await page.getByText('on the clipboard').waitFor()
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toMatch(
      /^curl http:\/\/127\.0\.0\.1:\d+\/v1\/audio\/speech -H 'Content-Type: application\/json' -d '\{.*"input":"It'\\''s me\.".*\}' -o speech\.wav$/,
    )
  })

  it('says what is wrong, and stops when it is told to', async () => {
    const { page, engine } = await open()
    engine.failure = new RangeError('nothing in the text can be spoken')
    await page.getByRole('button', { name: 'Speak' }).click()
    await page.getByText('nothing in the text can be spoken').waitFor()
    engine.failure = undefined
    engine.wordMs = 1000
    await page.getByRole('button', { name: 'Speak' }).click()
    await page.locator('#words span').first().waitFor()
    await page.getByRole('button', { name: 'Stop' }).first().click()
    await expect.poll(() => engine.ended, { timeout: 30_000 }).toBe(2)
  })

  it('asks for the key where the server wants one', async () => {
    const { page } = await open({ apiKeys: ['a-key-of-many-letters'] })
    await page.getByLabel('Key of this server').fill('a-key-of-many-letters')
    await page.getByRole('button', { name: 'Use' }).click()
    await expect.poll(() => page.locator('#voice option').count(), { timeout: 30_000 }).toBe(2)
    expect(await page.locator('#key-form').isVisible()).toBe(false)
  })

  it.each([320, 390, 1000])('fits a screen of %i pixels without scrolling sideways', async width => {
    const { page } = await open({ width })
    await page.getByText('Add a voice').click()
    await page.getByRole('button', { name: 'Speak' }).click()
    await page.locator('#words span').first().waitFor()
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    if (pictures) {
      mkdirSync(pictures, { recursive: true })
      await page.screenshot({ path: `${pictures}/page-${width}.png`, fullPage: true })
    }
  })
})
