import { describe, expect, it } from 'vitest'
import { checkOptionNames } from './option-names.ts'

const known = ['voice', 'seed', 'temperature', 'topK', 'topP', 'speed', 'candidates', 'onProgress']

describe('checkOptionNames', () => {
  it.each([
    ['voise', 'voice'],
    ['topk', 'topK'],
    ['tempreature', 'temperature'],
    ['sed', 'seed'],
    ['canditates', 'candidates'],
    ['onprogress', 'onProgress'],
  ])('names for %s the nearest, %s', (wrong, right) => {
    expect(() => checkOptionNames('synthesize', { [wrong]: 1 }, known)).toThrow(
      new TypeError(`synthesize: there is no option "${wrong}"; did you mean "${right}"?`),
    )
  })

  it('lists what there is for a name that is near to none, and is content with known ones', () => {
    expect(() => checkOptionNames('stream', { format: 'mp3' }, known)).toThrow(/no option "format"; expected voice, seed/)
    expect(() => checkOptionNames('stream', Object.fromEntries(known.map(name => [name, undefined])), known)).not.toThrow()
    for (const options of [null, 3, 'x']) expect(() => checkOptionNames('stream', options, known)).toThrow(TypeError)
  })

  it.each(['constructor', 'toString', 'hasOwnProperty'])('does not take %s for an option', name => {
    expect(() => checkOptionNames('stream', { [name]: 1 }, known)).toThrow(TypeError)
  })
})
