import { join, Player, readPcm } from '/page/audio.js'
import { ask, find, say, storedKey } from '/page/common.js'
import { Figures } from '/page/figures.js'
import { createVoice, deleteVoice, toggleRecording, useRecording } from '/page/voices.js'

const sampleRate = 24000
const [text, voice, speed, seed, status] = ['text', 'voice', 'speed', 'seed', 'status'].map(find)

/** What was spoken last. */
let spoken = { body: undefined, pieces: [], words: [], reached: 0 }
let figures = new Figures(sampleRate)
let drawing
let player
let speaking
let voices = []

async function loadVoices(chosen = voice.value) {
  try {
    const { data } = await (await ask('/v1/audio/voices')).json()
    voices = data
    voice.replaceChildren(
      ...data.map(each => {
        const option = new Option(each.status === 'ready' ? describeVoice(each) : `${each.id} (cannot be read)`, each.id)
        option.disabled = each.status !== 'ready'
        return option
      }),
    )
    if (chosen && data.some(({ id }) => id === chosen)) voice.value = chosen
    find('key-form').hidden = true
    showDelete()
  } catch (error) {
    say(status, error.message, true)
  }
}

const describeVoice = ({ name, description }) => (description ? `${name}: ${description}` : name)

function showDelete() {
  const created = voices.find(({ id }) => id === voice.value)?.kind === 'created'
  find('delete').hidden = !created
  find('delete').textContent = `Delete “${voice.value}”`
}

function readRequest() {
  return { model: 'mynah', input: text.value.trim(), voice: voice.value, speed: Number(speed.value), seed: Number(seed.value || 0) }
}

async function speak() {
  await stop()
  const body = readRequest()
  const abort = new AbortController()
  speaking = abort
  spoken = { body, pieces: [], words: [], reached: 0 }
  figures = new Figures(sampleRate)
  player = new Player(sampleRate, () => finishPlaying())
  showResult()
  find('stop').disabled = false
  find('speak').disabled = true
  say(status, 'Speaking…')
  const began = performance.now()
  let firstSeconds
  const warnings = []
  try {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, signal: abort.signal }
    const response = await ask('/v1/audio/speech', {
      ...request,
      body: JSON.stringify({ ...body, response_format: 'pcm', stream_format: 'sse' }),
    })
    for await (const event of readEvents(response.body)) {
      if (event.type === 'error') throw new Error(event.error.message)
      if (event.type === 'speech.audio.done') warnings.push(...event.warnings)
      if (event.type !== 'speech.audio.delta') continue
      firstSeconds ??= (performance.now() - began) / 1000
      addChunk(readPcm(event.audio), event.words)
    }
    const seconds = (performance.now() - began) / 1000
    const length = lengthOf(spoken.pieces)
    say(find('figures'), `${length.toFixed(1)} s of speech in ${seconds.toFixed(1)} s, first after ${firstSeconds.toFixed(2)} s`)
    for (const id of ['replay', 'download']) find(id).disabled = false
    showWarnings(warnings)
    find('words').append(body.input.slice(spoken.reached))
  } catch (error) {
    if (abort.signal.aborted) say(status, 'Stopped')
    else say(status, error.message, true)
  } finally {
    find('speak').disabled = false
    if (speaking === abort) speaking = undefined
  }
}

const lengthOf = pieces => pieces.reduce((sum, { length }) => sum + length, 0) / sampleRate

function addChunk(samples, words) {
  if (samples.length === 0) return
  spoken.pieces.push(samples)
  spoken.words.push(...words)
  figures.push(samples)
  player.push(samples)
  for (const word of words) addWord(word)
  draw()
}

/** Shows the text as it was written, with a span for each word. */
function addWord({ text: written, start }) {
  const { input } = spoken.body
  const found = input.indexOf(written, spoken.reached)
  const between = found === -1 ? ' ' : input.slice(spoken.reached, found)
  if (found !== -1) spoken.reached = found + written.length
  const span = document.createElement('span')
  span.textContent = written
  span.title = `${start.toFixed(2)} s`
  find('words').append(between, span)
}

function showResult() {
  find('result').hidden = false
  find('words').replaceChildren()
  say(find('figures'), '')
  find('warnings').hidden = true
  for (const id of ['replay', 'download']) find(id).disabled = true
  find('cursor').hidden = false
  requestAnimationFrame(follow)
}

function showWarnings(warnings) {
  find('warnings').hidden = warnings.length === 0
  find('warnings').replaceChildren(
    ...warnings.map(warning => {
      const item = document.createElement('li')
      item.textContent = warning
      return item
    }),
  )
}

/** Draws soon, however many pieces come until then. */
function draw() {
  if (drawing) return
  drawing = setTimeout(() => {
    drawing = undefined
    figures.drawWave(find('wave'))
    figures.drawMel(find('mel'))
  }, 100)
}

/** Lights the word that is heard, and moves the line. */
function follow() {
  if (!player) return
  const { seconds } = player
  const length = lengthOf(spoken.pieces)
  find('cursor').style.transform = `translateX(${length > 0 ? (seconds / length) * find('wave').clientWidth : 0}px)`
  for (const [i, span] of [...find('words').children].entries()) {
    const { start, end } = spoken.words[i]
    span.classList.toggle('lit', seconds >= start && seconds < end)
    span.classList.toggle('spoken', seconds >= end)
  }
  requestAnimationFrame(follow)
}

function finishPlaying() {
  if (speaking) return // more is on its way
  say(status, 'Done')
  void endPlaying()
}

async function endPlaying() {
  find('stop').disabled = true
  find('cursor').hidden = true
  const ending = player
  player = undefined
  for (const span of find('words').children) {
    span.classList.remove('lit')
    span.classList.add('spoken')
  }
  await ending?.stop()
}

async function stop() {
  speaking?.abort()
  speaking = undefined
  if (player) say(status, 'Stopped')
  await endPlaying()
}

/** @param {number} [from] seconds */
async function replay(from = 0) {
  await stop()
  if (spoken.pieces.length === 0) return
  player = new Player(sampleRate, () => finishPlaying(), from)
  find('stop').disabled = false
  find('cursor').hidden = false
  say(status, 'Playing')
  player.push(join(spoken.pieces).subarray(Math.floor(from * sampleRate)))
  requestAnimationFrame(follow)
}

async function download() {
  const format = find('format').value
  try {
    const response = await ask('/v1/audio/speech', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...spoken.body, response_format: format }),
    })
    const link = document.createElement('a')
    link.href = URL.createObjectURL(await response.blob())
    link.download = `mynah.${format}`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  } catch (error) {
    say(status, error.message, true)
  }
}

async function copyCurl() {
  const quote = words => `'${words.replaceAll("'", "'\\''")}'`
  const format = find('format').value
  const body = JSON.stringify({ ...(spoken.body ?? readRequest()), response_format: format })
  const key = sessionStorage.getItem(storedKey) ? ' -H "Authorization: Bearer $MYNAH_KEY"' : ''
  const line = `curl ${location.origin}/v1/audio/speech${key} -H 'Content-Type: application/json' -d ${quote(body)} -o speech.${format}`
  await navigator.clipboard.writeText(line)
  say(status, 'The curl line is on the clipboard')
}

/** Events of a server, one by one. */
async function* readEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader()
  let held = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    held += value
    const events = held.split('\n\n')
    held = events.pop()
    for (const event of events) yield JSON.parse(event.replace(/^data: /, ''))
  }
}

function listen(id, event, action) {
  find(id).addEventListener(event, happened => {
    if (event === 'submit') happened.preventDefault()
    void action(happened)
  })
}

listen('say', 'submit', speak)
listen('stop', 'click', stop)
listen('replay', 'click', () => replay())
listen('download', 'click', download)
listen('curl', 'click', copyCurl)
listen('record', 'click', toggleRecording)
listen('clone', 'submit', () => createVoice(loadVoices))
listen('delete', 'click', () => deleteVoice(voice.value, loadVoices))
listen('voice', 'change', showDelete)
listen('speed', 'input', () => say(find('speed-value'), Number(speed.value).toFixed(1)))
listen(
  'file',
  'change',
  ({ target }) => target.files[0] && useRecording(target.files[0], 'Write down what is said in it, then add the voice.'),
)
listen('words', 'click', ({ target }) => {
  const index = [...find('words').children].indexOf(target)
  if (index >= 0 && !speaking) return replay(spoken.words[index].start)
})
listen('figure', 'click', event => {
  const { left, width } = find('wave').getBoundingClientRect()
  if (!speaking) return replay((Math.max(0, event.clientX - left) / width) * lengthOf(spoken.pieces))
})
listen('text', 'keydown', event => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) find('say').requestSubmit()
})
listen('key-form', 'submit', () => {
  sessionStorage.setItem(storedKey, find('key').value)
  return loadVoices()
})
addEventListener('resize', draw)
await loadVoices()
