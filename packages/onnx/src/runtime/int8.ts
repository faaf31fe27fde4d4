import { GraphBuilder } from '../graph/graph.ts'
import { createTensor } from '../tensor.ts'
import type { Runtime } from './runtime.ts'

const answers = new WeakMap<Runtime, boolean>()

/**
 * Whether the runtime multiplies uint8 by int8 exactly: Arm does, and x64 with VNNI. On an older x64 sums of two products saturate at 16 bits, and only uint8 by uint8 is exact, which
 * takes up to four times as long where there is VNNI. Finds it out once, by multiplying.
 */
export async function multipliesInt8Exactly(runtime: Runtime): Promise<boolean> {
  const answer = answers.get(runtime) ?? (await multiplyLargest(runtime))
  answers.set(runtime, answer)
  return answer
}

async function multiplyLargest(runtime: Runtime): Promise<boolean> {
  const [rows, terms, columns] = [4, 64, 16]
  const graph = new GraphBuilder('int8')
  const x = graph.input('x', 'uint8', [rows, terms])
  const weight = graph.initializer('weight', createTensor('int8', new Int8Array(terms * columns).fill(127), [terms, columns]))
  graph.output('y', graph.node('MatMulInteger', [x, weight]))
  await using model = await runtime.load(graph.build(), { name: 'int8' })
  const { y } = await model.run({ x: createTensor('uint8', new Uint8Array(rows * terms).fill(255), [rows, terms]) })
  return Array.from(y!.data, Number).every(sum => sum === terms * 255 * 127)
}
