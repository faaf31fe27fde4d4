import * as ort from 'onnxruntime-node'
import { GraphBuilder, attention, createTensor, type Value } from './src/index.ts'
const [D, H, L] = [1024, 16, 12]
const Dh = D / H
const rnd = (n: number) => Float32Array.from({ length: n }, () => Math.random() - 0.5)
const opts = { executionProviders: ['cpu'], intraOpNumThreads: Number(process.env.THREADS ?? 1), interOpNumThreads: 1, graphOptimizationLevel: 'all' as const, logSeverityLevel: 4 as const }
const T = (d: Float32Array, s: number[]) => new ort.Tensor('float32', d, s)
function ordinary() {
  const g = new GraphBuilder('a'); let x = g.input('x', 'float32', [1, 1, D])
  for (let i = 0; i < L; i++) {
    const k = g.input(`k${i}`, 'float32', [1, H, 'S', Dh]), v = g.input(`v${i}`, 'float32', [1, H, 'S', Dh])
    const r = attention(g, x, x, x, { heads: H, past: { key: k, value: v } }); x = r.output
    g.output(`pk${i}`, r.present.key); g.output(`pv${i}`, r.present.value)
  }
  g.output('y', x); return g.build()
}
function gqa() {
  const g = new GraphBuilder('b'); let x = g.input('x', 'float32', [1, 1, D])
  const len = g.input('len', 'int32', [1]); const total = g.input('total', 'int32', [])
  for (let i = 0; i < L; i++) {
    const k = g.input(`k${i}`, 'float32', [1, H, 'M', Dh]), v = g.input(`v${i}`, 'float32', [1, H, 'M', Dh])
    const [y, pk, pv] = g.nodes('GroupQueryAttention', [x, x, x, k, v, len, total], { num_heads: H, kv_num_heads: H }, { domain: 'com.microsoft' })
    x = y!; g.output(`pk${i}`, pk!); g.output(`pv${i}`, pv!)
  }
  g.output('y', x); return g.build()
}
function blocks() {
  const g = new GraphBuilder('c'); let x = g.input('x', 'float32', [1, 'n', D])
  const heads = (y: Value) => g.transpose(g.reshape(y, [1, -1, H, Dh]), [0, 2, 1, 3])
  for (let i = 0; i < L; i++) {
    const k = g.input(`k${i}`, 'float32', [1, H, 'S', Dh]), v = g.input(`v${i}`, 'float32', [1, H, 'S', Dh])
    const tk = g.input(`tk${i}`, 'float32', [1, H, 's', Dh]), tv = g.input(`tv${i}`, 'float32', [1, H, 's', Dh])
    const q = g.mul(heads(x), 1 / Math.sqrt(Dh)), kn = g.concat([tk, heads(x)], 2), vn = g.concat([tv, heads(x)], 2)
    const scores = g.concat([g.matmul(q, g.transpose(k, [0, 1, 3, 2])), g.matmul(q, g.transpose(kn, [0, 1, 3, 2]))], 3)
    const p = g.softmax(scores); const S = g.lengthOf(k, 2)
    const out = g.add(g.matmul(g.slice(p, 3, 0, S), v), g.matmul(g.slice(p, 3, S), vn))
    x = g.reshape(g.transpose(g.assume(out, [1, H, 'n', Dh]), [0, 2, 1, 3]), [1, -1, D])
    g.output(`pk${i}`, kn); g.output(`pv${i}`, vn)
  }
  g.output('y', x); return g.build()
}
function loop() {
  const g = new GraphBuilder('d'); const x = g.input('x', 'float32', [1, 1, D]); const n = g.input('n', 'int64', [])
  const caches: Value[] = []
  for (let i = 0; i < 2 * L; i++) caches.push(g.assume(g.input(`c${i}`, 'float32', [1, H, 'S', Dh]), [1, H, 'S', Dh]))
  const r = g.loop({ trips: n, carried: [x, ...caches] }, (b, _it, [y0, ...c]) => {
    let y = y0!; const next: Value[] = []
    for (let i = 0; i < L; i++) { const a = attention(b, y, y, y, { heads: H, past: { key: c[2 * i]!, value: c[2 * i + 1]! } }); y = a.output; next.push(a.present.key, a.present.value) }
    return { carried: [y, ...next] }
  })
  g.output('y', r.carried[0]!); for (let i = 0; i < 2 * L; i++) g.output(`p${i}`, r.carried[i + 1]!); return g.build()
}
function linears(kind: string) {
  const g = new GraphBuilder('l'); let x = g.input('x', 'float32', [1, 'n', D])
  const lin = (y: Value, i: number, o: number): Value => {
    if (kind === 'f32') return g.matmul(y, g.initializer('w', createTensor('float32', rnd(i * o).map(z => z / 16), [i, o])))
    if (kind === 'gemm') return g.gemm(g.reshape(y, [-1, i]), g.initializer('w', createTensor('float32', rnd(i * o).map(z => z / 16), [o, i])), undefined, { transB: true })
    if (kind === 'dyn') {
      const [c, s, z] = g.nodes('DynamicQuantizeLinear', [y], {}, { outputs: 3 })
      const sums = g.node('MatMulInteger', [c, g.initializer('w', createTensor('uint8', Uint8Array.from({ length: i * o }, () => Math.random() * 255), [i, o])), z, g.constant(128, 'uint8')])
      return g.mul(g.cast(sums, 'float32'), g.mul(s!, g.initializer('s', createTensor('float32', rnd(o), [o]))))
    }
    const bits = kind === 'n8' ? 8 : 4, block = 32
    const w = createTensor('uint8', Uint8Array.from({ length: i * o * bits / 8 }, () => Math.random() * 255), [o, i / block, block * bits / 8])
    const s = createTensor('float32', rnd(o * i / block).map(z => z / 100), [o * i / block])
    return g.node('MatMulNBits', [y, g.initializer('w', w), g.initializer('s', s)], { K: i, N: o, bits, block_size: block, accuracy_level: 4 }, { domain: 'com.microsoft', types: [{ dtype: 'float32', shape: [1, 'n', o] }] })
  }
  for (let i = 0; i < L; i++) {
    const qkv = lin(x, D, 3 * D); const a = lin(g.slice(qkv, -1 + (kind === 'gemm' ? 2 : 3), 0, D), D, D)
    x = lin(g.relu(lin(a, D, 4 * D)), 4 * D, D)
  }
  g.output('y', x); return g.build({ externalData: true })
}
async function time(f: () => Promise<unknown>, n: number) {
  await f(); const ts: number[] = []
  for (let i = 0; i < n; i++) { const t = performance.now(); await f(); ts.push(performance.now() - t) }
  ts.sort((a, b) => a - b); return `${ts[0]!.toFixed(1)} min ${ts[n >> 1]!.toFixed(1)} med`
}
const open = (m: { bytes: Uint8Array; externalData?: readonly { path: string; data: Uint8Array }[] }) => ort.InferenceSession.create(m.bytes, { ...opts, ...(m.externalData ? { externalData: m.externalData as never } : {}) })
const x = T(rnd(D), [1, 1, D])
const n = 9
for (const what of process.argv.slice(2)) {
  if (what === 'attention') {
    const [sa, sb, sc, sd] = [await open(ordinary()), await open(gqa()), await open(blocks()), await open(loop())]
    for (const S of [200, 800, 1600]) {
      const past = () => T(rnd(H * S * Dh), [1, H, S, Dh])
      const fa: Record<string, ort.Tensor> = { x }; const fc: Record<string, ort.Tensor> = { x }; const fd: Record<string, ort.Tensor> = { x, n: new ort.Tensor('int64', BigInt64Array.of(8n), []) }
      for (let i = 0; i < L; i++) { fa[`k${i}`] = fc[`k${i}`] = fd[`c${2 * i}`] = past(); fa[`v${i}`] = fc[`v${i}`] = fd[`c${2 * i + 1}`] = past(); fc[`tk${i}`] = T(rnd(H * 32 * Dh), [1, H, 32, Dh]); fc[`tv${i}`] = T(rnd(H * 32 * Dh), [1, H, 32, Dh]) }
      const M = S + 64
      const fb: Record<string, ort.Tensor> = { x, len: new ort.Tensor('int32', Int32Array.of(S), [1]), total: new ort.Tensor('int32', Int32Array.of(S + 1), []) }
      const out: Record<string, ort.Tensor | null> = { y: null }
      for (let i = 0; i < L; i++) for (const c of ['k', 'v']) {
        const buf = new Float32Array(H * M * Dh); const src = fa[`${c}${i}`]!.data as Float32Array
        for (let h = 0; h < H; h++) buf.set(src.subarray(h * S * Dh, (h + 1) * S * Dh), h * M * Dh)
        fb[`${c}${i}`] = T(buf, [1, H, M, Dh]); out[`p${c}${i}`] = fb[`${c}${i}`]!
      }
      const ra = await sa.run(fa); const rb = await sb.run(fb, out as never)
      const [ya, yb] = [ra.y!.data as Float32Array, rb.y!.data as Float32Array]
      console.log(`S ${S} gqa error ${Math.max(...ya.map((v, i) => Math.abs(v - yb[i]!)))} same buffer ${rb.pk0!.data === fb.k0!.data} written ${(fb.k0!.data as Float32Array)[S * Dh]}`)
      console.log(`S ${S} ordinary ${await time(() => sa.run(fa), n)} | gqa shared ${await time(() => sb.run(fb, out as never), n)} | gqa fresh ${await time(() => sb.run(fb), n)} | blocks ${await time(() => sc.run(fc), n)} | loop/8 ${await time(() => sd.run(fd), n)}`)
    }
  } else {
    const m = linears(what); const t = performance.now(); const s = await open(m)
    console.log(`${what} load ${((performance.now() - t) / 1000).toFixed(1)} s, step ${await time(() => s.run({ x }), n)}, 300 rows ${await time(() => s.run({ x: T(rnd(300 * D), [1, 300, D]) }), 2)}, rss ${(process.memoryUsage().rss / 1e6).toFixed(0)}`)
  }
}
