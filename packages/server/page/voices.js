import { ask, find, say } from '/page/common.js'
import { startRecording } from '/page/recorder.js'

let recording
let recorded

/** Begins to record, or ends it. */
export async function toggleRecording() {
  const button = find('record')
  if (recording) {
    const { stop: stopRecording } = recording
    recording = undefined
    find('level').hidden = true
    button.setAttribute('aria-pressed', 'false')
    button.textContent = '● Record'
    return useRecording(await stopRecording(), 'Recorded. Listen to it, then add the voice.')
  }
  try {
    recording = await startRecording(
      level => {
        find('level').value = level
      },
      () => void toggleRecording(),
    )
    find('level').hidden = false
    button.setAttribute('aria-pressed', 'true')
    button.textContent = '■ Stop'
    say(find('clone-status'), 'Recording: say the sentence')
  } catch (error) {
    say(find('clone-status'), `The microphone cannot be used: ${error.message}`, true)
  }
}

/** Takes a recording for the new voice. */
export function useRecording(blob, words) {
  recorded = blob
  const preview = find('preview')
  preview.src = URL.createObjectURL(blob)
  preview.hidden = false
  say(find('clone-status'), words)
}

/** Sends the form. @param {(chosen: string) => Promise<void>} loadVoices called with the id of the new voice */
export async function createVoice(loadVoices) {
  const status = find('clone-status')
  if (!recorded) return say(status, 'Record something first, or choose a file', true)
  const form = new FormData()
  for (const id of ['name', 'consent', 'transcript']) if (find(id).value.trim() !== '') form.set(id, find(id).value.trim())
  form.set('audio_sample', recorded, 'recording')
  find('create').disabled = true
  say(status, 'Listening to the recording…')
  try {
    const created = await (await ask('/v1/audio/voices', { method: 'POST', body: form })).json()
    await loadVoices(created.id)
    say(status, [`“${created.name}” is among the voices now.`, ...(created.warnings ?? [])].join(' '))
  } catch (error) {
    say(status, error.message, true)
  } finally {
    find('create').disabled = false
  }
}

/** Deletes a created voice. */
export async function deleteVoice(id, loadVoices) {
  try {
    await ask(`/v1/audio/voices/${encodeURIComponent(id)}`, { method: 'DELETE' })
    say(find('clone-status'), `“${id}” is gone`)
    await loadVoices('')
  } catch (error) {
    say(find('clone-status'), error.message, true)
  }
}
