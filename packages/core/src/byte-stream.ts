import { createEncoder, type EncodingOptions, encodedPieceSamples } from '@mynah/audio'

/** Anything with samples. */
interface Sound {
  readonly audio: Float32Array
}

/**
 * A speech, or one after the other as they are made, as the bytes of one file. Reading drives the work, one speech ahead; cancelling ends it.
 * @param inputRate of the speech, Hz
 * @param stop ends the making of speech when the stream is cancelled
 * @throws {TypeError} for options of the wrong type; {RangeError} for an unknown format or sample rate
 */
export function toByteStream(
  speech: Sound | AsyncGenerator<Sound, void, undefined>,
  inputRate: number,
  options: EncodingOptions,
  stop: (reason: unknown) => void = () => undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = createEncoder(inputRate, 'next' in speech ? options : { ...options, totalSamples: speech.audio.length })
  const parts = 'next' in speech ? speech : [speech]
  const bytes = encodeAll()
  async function* encodeAll() {
    try {
      for await (const { audio } of parts) {
        for (let from = 0; from < audio.length; from += encodedPieceSamples)
          yield await encoder.encode(audio.subarray(from, from + encodedPieceSamples))
      }
      yield await encoder.finish()
    } finally {
      encoder[Symbol.dispose]()
    }
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await nextBytes()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel(reason) {
        stop(reason)
        bytes.return().catch(() => undefined)
      },
    },
    { highWaterMark: 0 },
  )
  /** Skips pieces that gave no bytes: a stream that answers a read with nothing confuses readers. */
  async function nextBytes(): Promise<IteratorResult<Uint8Array<ArrayBuffer>, void>> {
    let result = await bytes.next()
    while (!result.done && result.value.length === 0) result = await bytes.next()
    return result
  }
}
