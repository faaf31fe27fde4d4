import { Worker, type WorkerOptions } from 'node:worker_threads'

const fromSource = import.meta.url.endsWith('.ts')
/** Makes our packages' exports point to their source. */
const sourceFlags = fromSource ? ['--conditions=@mynah/source'] : []

/** Node flags to run a module of Mynah as a process: tsx when Mynah runs from source, where it is a development dependency. */
export const processFlags: readonly string[] = fromSource ? [...sourceFlags, '--import', import.meta.resolve('tsx')] : []

/** Where the code of a thread is: `name.js` beside the built file that asks (`import.meta.url`), or `name.ts` beside it when Mynah runs from source. */
export function threadUrl(name: string, asking: string): URL {
  return new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, asking)
}

/** Starts a thread on a module of Mynah. Flags of this process are not handed down: some, like --input-type, would keep it from starting. */
export function startThread(url: URL, options: WorkerOptions): Worker {
  const all = { execArgv: [...sourceFlags], ...options }
  if (!fromSource) return new Worker(url, all)
  // tsx ignores --import in threads of Node 20, so it is registered by hand.
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const code = `import(${tsx}).then(tsx => { tsx.register(); return import(${JSON.stringify(url.href)}) })`
  return new Worker(code, { ...all, eval: true })
}
