import fc from 'fast-check'
import { createFakeApp, speech } from './server.fixture.ts'

const anything = fc.anything({ maxDepth: 3, withNullPrototype: false })
const fields = [
  'input',
  'model',
  'voice',
  'response_format',
  'speed',
  'stream_format',
  'seed',
  'instructions',
  'text',
  'voice_settings',
  'output_format',
]
/** A right request with some fields replaced, values of any kind, or bytes of any kind. */
const body = fc.oneof(
  fc.dictionary(fc.constantFrom(...fields), anything).map(wrong => JSON.stringify({ ...speech, text: 'Hi.', ...wrong }) ?? ''),
  fc.constant(JSON.stringify({ ...speech, text: 'Hi.' })),
  anything.map(value => JSON.stringify(value) ?? ''),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '{',
    '[]',
    'null',
    '"',
    '{"input":"\\ud800"}',
    '[['.repeat(5000),
    `{"input":"${'a'.repeat(30_000)}"}`,
    '{"__proto__":{"voice":"wren"}}',
  ),
)
const path = fc.constantFrom(
  '/v1/audio/speech',
  '/v1/audio/voices',
  '/v1/text-to-speech/wren',
  '/v1/text-to-speech/wren/stream',
  '/v1/text-to-speech/..%2f..%2fetc%2fpasswd/with-timestamps',
  '/v1/text-to-speech/%00',
)
const contentType = fc.constantFrom(
  'application/json',
  'application/json; charset=utf-7',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'text/plain',
  '',
)

/**
 * Sends that many bodies of all kinds. None may be answered with a status of 500 and more, or with an error that is no JSON with a message.
 * @returns how often each status was answered
 */
export async function fuzzBodies(runs: number, seed: number): Promise<Map<number, number>> {
  const { ask } = await createFakeApp({ limits: { requestsPerMinute: 1e9 } })
  const statuses = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(path, contentType, body, async (where, type, text) => {
      const [response, answer] = await withinSeconds(30, async () => {
        const answered = await ask(where, { method: 'POST', headers: type === '' ? {} : { 'content-type': type }, body: text })
        return [answered, await answered.text()] as const
      })
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      if (response.status < 400) return
      const { error, detail } = JSON.parse(answer)
      const { message } = error ?? detail
      if (response.status >= 500 || typeof message !== 'string' || message.length < 10) throw new Error(`${response.status}: ${answer}`)
    }),
    { numRuns: runs, seed, endOnFailure: true },
  )
  return statuses
}

/** No request may go unanswered. */
async function withinSeconds<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000)
  })
  try {
    return await Promise.race([work(), tooLate])
  } finally {
    clearTimeout(timer)
  }
}
