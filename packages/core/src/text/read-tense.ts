import { ARTICLES, BE, beforeAdverbs, HAVE, HELPERS, hasPastVerb, isFirst, near, previous, type SenseRule } from './sense-rule.ts'
import { wordSet } from './table.ts'
import { isNoun } from './word-classes.ts'

const PAST_CUES = wordSet('yesterday ago last once earlier when before after later then')
const PRESENT_CUES = wordSet('every always usually often sometimes daily today now normally generally typically rarely regularly')
/** `read` by tense. */
export const readTense: SenseRule = place => {
  const { lower, tags, index } = place
  const before = beforeAdverbs(place)
  if (/^(?:widely|well|most)$/.test(previous(place))) return 'past'
  if (HELPERS.has(before) || /(?:'ll|n't)$/.test(before))
    return /^(?:haven't|hasn't|hadn't|isn't|wasn't|aren't|weren't)$/.test(before) ? 'past' : 'present'
  if (HAVE.has(before) || BE.has(before) || /^(?:[a-z]+'(?:ve|s|d|re)|widely|well)$/.test(before)) return 'past'
  if (isFirst(place) || (before === 'and' && isFirst({ ...place, index: index - 1 }))) return 'present'
  const helper = lower.slice(Math.max(0, index - 5), index)
  const question = helper.findIndex(word => HELPERS.has(word) || HAVE.has(word) || BE.has(word))
  if (
    question >= 0 &&
    helper.slice(question + 1).length > 0 &&
    helper
      .slice(question + 1)
      .every(
        word =>
          /^(?:i|you|he|she|we|they|it|anyone|everyone|children|people|not|ever|also|just|the|your|his|her|their|all)$/.test(word) ||
          (isNoun(tags[lower.indexOf(word)]) && question === 0),
      )
  ) {
    return HAVE.has(helper[question] as string) || BE.has(helper[question] as string) ? 'past' : 'present'
  }
  if (ARTICLES.has(before) || tags[index - 1] === 'ADJ') return 'present'
  if (/^(?:he|she|it|who|which|that|everyone|nobody|someone)$/.test(before)) return 'past'
  if (/^(?:and|or|,|then)$/.test(before)) return hasPastVerb(place) ? 'past' : 'present'
  if (!/[\p{L}]/u.test(before)) return isNoun(tags[index - 2]) && hasPastVerb(place) ? 'past' : 'present'
  if (isNoun(tags[index - 1]) && !/[^s]s$|^(?:people|children|men|women)$/.test(before)) return 'past'
  if (near(place, PRESENT_CUES)) return 'present'
  if (near(place, PAST_CUES) || hasPastVerb(place)) return 'past'
  return /^(?:i|we)$/.test(before) ? 'past' : 'present'
}
