import type { SynthesizerStats } from '@mynah/core'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What is counted; each server has its own registry. */
export interface Metrics {
  /** Finished requests by route and status. */
  readonly requests: Counter<'route' | 'status'>
  /** From the request to its last byte. */
  readonly requestSeconds: Histogram<'route'>
  /** From the request to the first audio. */
  readonly firstAudioSeconds: Histogram<string>
  readonly audioSeconds: Counter<string>
  readonly characters: Counter<string>
  /** Syntheses that run now. */
  readonly running: Gauge<string>
  /** The text format of Prometheus. */
  render(): Promise<string>
  readonly contentType: string
}

const seconds = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30, 60]

/**
 * Metrics of one server, with those of its process: memory, CPU, event loop.
 * @param stats of the synthesizer, if it has them
 */
export function createMetrics(stats?: () => SynthesizerStats): Metrics {
  const registry = new Registry()
  if (stats) addStats(registry, stats)
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    requests: new Counter({ name: 'mynah_requests_total', help: 'Finished requests', labelNames: ['route', 'status'], registers }),
    requestSeconds: new Histogram({
      name: 'mynah_request_seconds',
      help: 'From the request to its last byte',
      labelNames: ['route'],
      buckets: seconds,
      registers,
    }),
    firstAudioSeconds: new Histogram({
      name: 'mynah_first_audio_seconds',
      help: 'From the request to the first audio',
      buckets: seconds,
      registers,
    }),
    audioSeconds: new Counter({ name: 'mynah_audio_seconds_total', help: 'Seconds of speech', registers }),
    characters: new Counter({ name: 'mynah_characters_total', help: 'Characters of text', registers }),
    running: new Gauge({ name: 'mynah_running', help: 'Syntheses that run now', registers }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** What the synthesizer says of itself, asked when the metrics are. */
function addStats(registry: Registry, stats: () => SynthesizerStats): void {
  const gauges = {
    mynah_workers: ['Inference workers', 'workers'],
    mynah_queued: ['Requests that wait for a worker', 'queued'],
    mynah_refused: ['Requests that were refused because too many waited', 'refused'],
    mynah_restarts: ['Workers that died and were replaced', 'restarts'],
    mynah_real_time_factor: ['Seconds of work per second of speech, lately', 'realTimeFactor'],
  } as const
  for (const [name, [help, field]] of Object.entries(gauges)) {
    const gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        gauge.set(stats()[field] ?? Number.NaN)
      },
    })
  }
}
