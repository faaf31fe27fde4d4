import type { Reading } from './homograph-table.ts'
import { readTense } from './read-tense.ts'
import {
  ARTICLES,
  BE,
  beforeAdverbs,
  classOf,
  HAVE,
  HELPERS,
  hasPastVerb,
  isCapitalized,
  isFirst,
  near,
  next,
  PEOPLE,
  previous,
  type SenseRule,
} from './sense-rule.ts'
import { wordSet } from './table.ts'
import { isNoun, type Place } from './word-classes.ts'

const METAL_THINGS = wordSet(
  'pipe pipes paint paints poisoning acid glass shot bullet bullets pencil pencils ore ores mine mines mining miners oxide sheet sheets roof roofs coffin coffins content exposure contamination solder weight weights sulfide crystal smelter smelters smelting alloy alloys battery batteries acetate azide apron dust toxicity chloride carbonate nitrate plumbing piping pellets sinkers ingots ball balls tetroxide lined free based level concentrations vest seal seals isotopes isotope',
)
const METALS = wordSet(
  'zinc copper tin silver iron mercury arsenic cadmium nickel steel metal metals gold aluminum aluminium bronze antimony molten',
)
const METAL_HOLDERS = wordSet(
  'made sheets sheet tons ton tonnes pounds pound traces trace amount amounts levels level deposits deposit mines cast contains contain contained containing pieces piece bars lined covered filled coated weighted sealed roofed layer layers lump lumps ingots plates mined mining exposed melted molten',
)
const isMetal: SenseRule = place => {
  const of = /^(?:of|with|in|from|into|to|by|than)$/.test(previous(place))
  if (METAL_THINGS.has(next(place)) && classOf(place) !== 'V') return 'metal'
  if (of && (METAL_HOLDERS.has(previous(place, 2)) || METAL_HOLDERS.has(previous(place, 3)))) return 'metal'
  if (/^(?:contain|contains|contained|containing|mine|melt|melted|molten)$/.test(previous(place))) return 'metal'
  const joined = /^(?:and|or|,)$/
  if (joined.test(previous(place)) && (METALS.has(previous(place, 2)) || METALS.has(previous(place, 3)))) return 'metal'
  if (joined.test(next(place)) && (METALS.has(next(place, 2)) || METALS.has(next(place, 3)))) return 'metal'
  return 'guide'
}

const WINDING = wordSet(
  'up around round through its his her their my our your down back along across into between past over tightly itself themselves',
)
const WINDABLE = wordSet(
  'clock watch scarf rope string wire wires coil coils bandage thread tape toy spring yarn wool cord cable ribbon turban spool',
)
const woundSense: SenseRule = place => {
  const before = beforeAdverbs(place)
  if (HELPERS.has(before)) return 'injury'
  const isWinding = WINDING.has(next(place)) || near(place, WINDABLE, 6)
  if (BE.has(before) || HAVE.has(before) || /^[a-z]+'(?:ve|d)$/.test(before))
    return isWinding || /^(?:on|onto|with|in)$/.test(next(place)) ? 'wind' : 'injury'
  if (ARTICLES.has(before) || place.tags[place.index - 1] === 'ADJ') return 'injury'
  if (/^(?:i|you|he|she|it|we|they|and|which|that|who)$/.test(before)) return isWinding || ARTICLES.has(next(place)) ? 'wind' : 'injury'
  return isWinding && !/^(?:of|in|by|with|from|for|to)$/.test(before) ? 'wind' : 'injury'
}

const RIPS = wordSet('muscle ligament cartilage hamstring meniscus tendon acl calf retinal wear')
const tearSense =
  (inflected: boolean): SenseRule =>
  place => {
    if (/^(?:gas|duct|ducts|drop|drops|stained|filled|streaked|soaked)$/.test(next(place))) return 'eye'
    if (RIPS.has(previous(place)) || (previous(place) === 'and' && previous(place, 2) === 'wear')) return 'rip'
    const found = classOf(place, inflected)
    if (found === 'V') return next(place) === 'up' && !/^(?:the|a|his|her|their|it|this|that)$/.test(next(place, 2)) ? 'eye' : 'rip'
    if (inflected)
      return /^(?:easily|apart|down|up|off|at|through|open|the|his|her|it)$/.test(next(place)) &&
        !/^(?:in|of|to|with)$/.test(previous(place))
        ? 'rip'
        : 'eye'
    return /^(?:in|down|along)$/.test(next(place)) && ARTICLES.has(next(place, 2)) && !/^(?:his|her|my|your|their)$/.test(next(place, 2))
      ? 'rip'
      : 'eye'
  }

const SHIPS = wordSet(
  'ship ships boat boats stern port starboard vessel deck hull wave waves sail sailed sailing crew anchor torpedo iceberg canoe yacht ferry destroyer submarine cruiser harbor harbour captain aft spray keel mast sea',
)
const ARCHERY = wordSet(
  'arrow arrows quiver string archer archers hunted hunter archery ribbon knot tied tie violin violinist cello fiddle bow hair crossbow shot target rosin strings red pink silk shoes',
)
const bowSense =
  (inflected: boolean): SenseRule =>
  place => {
    if (/^(?:tie|ties|and)$/.test(next(place)) && /^(?:tie|ties|arrow|arrows|,)$/.test(next(place, next(place) === 'and' ? 2 : 1)))
      return 'knot'
    if (/^(?:legged|window|windows|wood|saw|string)$/.test(next(place))) return 'knot'
    if (
      /^(?:take|took|takes|taking|taken|deep|low|slight|final|last|polite|formal|curtain|graceful|courtly)$/.test(previous(place)) ||
      /^(?:take|took|takes|taking|taken)$/.test(previous(place, 2))
    )
      return 'bend'
    if (next(place) === 'of' && !near(place, ARCHERY)) return 'bend'
    if (near(place, ARCHERY)) return 'knot'
    if (near(place, SHIPS)) return 'bend'
    return classOf(place, inflected) === 'V' ? 'bend' : 'knot'
  }

const FISHING = wordSet(
  'fish fishing lake lakes trout caught catch river rivers angler anglers pike salmon perch cod sea striped largemouth smallmouth stocked grilled fillet fillets fisherman fishermen carp catfish tuna bait lure pond mouth bream walleye bluegill',
)
const MUSIC = wordSet(
  'guitar drum drums player players plays played play band jazz singer clarinet voice line lines sound double music song songs piano keyboards vocals baritone tenor amplifier aria',
)
const bassSense: SenseRule = place => (near(place, MUSIC) ? 'music' : near(place, FISHING) ? 'fish' : 'music')

const THINGS_IN_ROWS = wordSet('seats houses trees boat')
const ROWS_OF_WORDS = wordSet('over about between with after')
const rowSense: SenseRule = place => {
  const heated = /^(?:furious|heated|blazing|bitter|diplomatic|political|public|flaming|angry|terrible|major)$/.test(previous(place))
  return heated || (previous(place) === 'a' && ROWS_OF_WORDS.has(next(place)) && !near(place, THINGS_IN_ROWS)) ? 'quarrel' : 'line'
}

const AXES = wordSet(
  'x y z graph graphs coordinate coordinates rotation symmetry vertical horizontal principal plot chart crystal parallel perpendicular optical major minor semi ellipse diagram cartesian speed label labels',
)
const BASES = wordSet(
  'theoretical legal scientific philosophical ethical moral genetic neural biological vector orthonormal mathematical theory theories argument belief beliefs evolutionary psychological molecular conceptual constitutional',
)

/** The noun that "use" and its like are unless something makes them verbs; "to use" is one. */
const usedSense: SenseRule = place => {
  if (next(place) !== 'to') return 'applied'
  const before = beforeAdverbs(place)
  const passive = BE.has(before) || /^[a-z]+'(?:s|re|m)$/.test(before)
  if (/^(?:get|gets|got|getting|become|became|becoming|grown|grew)$/.test(before)) return 'accustomed'
  if (!passive) return before === '' || (isNoun(place.tags[place.index - 1]) && isParticiple(place)) ? 'applied' : 'accustomed'
  const after = next(place, 2)
  return /ing$/.test(after) || ARTICLES.has(after) || /^(?:it|him|her|me|us|them|being|such|having|people)$/.test(after)
    ? 'accustomed'
    : 'applied'
}
/** "the wax used to polish it is …", "it is a means used to …": the sentence has another verb; "the house used to be …" has none. */
const isParticiple = ({ lower, tags, index }: Place) =>
  tags.some(
    (tag, i) =>
      (tag === 'AUX' || tag === 'VERB') &&
      (i < index || (i > index + 2 && /^(?:is|are|was|were|has|had|can|will)$/.test(lower[i] as string))),
  )

const UNITS_OF_TIME = wordSet(
  'one two three four five six seven eight nine ten fifteen twenty thirty forty sixty ninety last every per each half',
)
const minuteSense: SenseRule = place => {
  const { tags, index } = place
  if (UNITS_OF_TIME.has(previous(place)) || tags[index - 1] === 'NUM' || /(?:th|first|second|third)$/.test(previous(place))) return 'N'
  if (
    /^(?:hand|hands|book|books|steak|walk|drive|break|breaks|mark|rice|man|men|ride|later|before|after|by|of|and|or|,|\.|to)$/.test(
      next(place),
    )
  )
    return 'N'
  if (isNoun(tags[index + 1]) || tags[index + 1] === 'ADJ') return 'A'
  return BE.has(previous(place)) || /^(?:very|so|extremely|how|too|most)$/.test(previous(place)) ? 'A' : 'N'
}

const cityAfter = /^(?:in|near|from|to|outside|at|of|around|via)$/
const city =
  (otherwise: Reading, followed: ReadonlySet<string>): SenseRule =>
  place =>
    isCapitalized(place) && ((!isFirst(place) && cityAfter.test(previous(place))) || (next(place) === ',' && followed.has(next(place, 2))))
      ? 'city'
      : otherwise

const polishSense: SenseRule = place => {
  if (!isCapitalized(place)) return 'shine'
  return isFirst(place) && (ARTICLES.has(next(place)) || /^(?:it|them|all|both|and)$/.test(next(place))) ? 'shine' : 'nation'
}

const isLong =
  (words: ReadonlySet<string>, except: ReadonlySet<string> = new Set()): SenseRule =>
  place => {
    const { tags, index } = place
    const attributive = isNoun(tags[index + 1]) && !except.has(next(place))
    const opened =
      ARTICLES.has(previous(place)) ||
      tags[index - 1] === 'ADJ' ||
      /^(?:several|many|few|most|more|very|of|by|with|two|three)$/.test(previous(place))
    if (words.size > 0)
      return (words.has(next(place)) && (opened || isFirst(place))) || (previous(place) === 'the' && !attributive) ? 'A' : 'V'
    return opened && attributive ? 'A' : 'V'
  }

const PAINTED = wordSet('paint wall coat coats')
const PIGS = wordSet('pigs pig piglets boars boar farm')
const SAKE = wordSet(
  'drink drank drinks drinking warm hot cup cups bottle bottles sushi rice japanese brewed sip sipped beer wine brewery breweries',
)
const GOLF = wordSet('golf hole holes putt green greens golfer club championship birdie')

const analysesSense: SenseRule = place =>
  classOf(place, true) === 'V' || (isNoun(place.tags[place.index - 1]) && ARTICLES.has(next(place)) && !/[^s]s$/.test(previous(place)))
    ? 'V'
    : 'N'

/** Object of "the … of": nouns even after a noun. */
const closeSense: SenseRule = place => {
  if (/^(?:to|from|by|enough|together|friend|friends|relationship|ties|contact|attention|up|range|call|behind|at)$/.test(next(place))) {
    const found = classOf(place)
    return found === 'V' && /^(?:from|by|together|up|behind|at)$/.test(next(place))
      ? 'V'
      : HELPERS.has(previous(place)) && !BE.has(previous(place)) && previous(place) !== 'to'
        ? 'V'
        : found === 'N' && /^(?:at)$/.test(next(place))
          ? 'N'
          : 'A'
  }
  if (
    /^(?:stay|stays|stayed|come|came|comes|get|got|gets|getting|keep|kept|lie|lies|lay|stand|stood|live|lived|sit|sat|remain|remained|follow|followed|following|draw|drew|drawing)$/.test(
      beforeAdverbs(place),
    )
  )
    return 'A'
  return undefined
}

const liveSense: SenseRule = place => {
  const { tags, index } = place
  if (
    /^(?:music|album|albums|show|shows|audience|audiences|broadcast|broadcasts|television|tv|recording|recordings|performance|performances|concert|concerts|action|ammunition|wire|wires|stream|coverage|animals|animal|bait|band|event|events|debut|version|versions|birth|births|fish|video|footage|chat|updates|radio|rounds|entertainment|sports|streaming)$/.test(
      next(place),
    )
  ) {
    return classOf(place) === 'V' && ARTICLES.has(next(place)) ? 'V' : HELPERS.has(previous(place)) ? 'V' : 'A'
  }
  const before = beforeAdverbs(place)
  if (HELPERS.has(before) || /(?:'ll|n't)$/.test(before)) return 'V'
  if (
    BE.has(before) ||
    /^(?:go|goes|went|going|gone|broadcast|shown|aired|recorded|performed|televised|streamed|playing|played|perform|performing|stream|coming|come|comes|reporting)$/.test(
      before,
    )
  )
    return 'A'
  if (ARTICLES.has(before)) return 'A'
  if (
    /^(?:on|from|at)$/.test(next(place)) &&
    /^(?:VERB|NOUN|PROPN)$/.test(tags[index - 1] ?? '') &&
    hasPastVerb(place) &&
    !/[^s]s$|people|children/.test(before)
  )
    return 'A'
  return undefined
}

/** Word → what tells its readings, asked before parts of speech are. */
export const SENSES: ReadonlyMap<string, SenseRule> = new Map<string, SenseRule>([
  ['read', readTense],
  ['lead', isMetal],
  ['leads', () => 'guide'],
  ['wound', woundSense],
  ['tear', tearSense(false)],
  ['tears', tearSense(true)],
  ['bow', bowSense(false)],
  ['bows', bowSense(true)],
  ['bass', bassSense],
  ['basses', bassSense],
  [
    'dove',
    place =>
      /^(?:in|into|down|toward|towards|for|under|off|from|back|deep|headfirst|through|onto|below|out|after|at|right|straight|over|to)$/.test(
        next(place),
      ) &&
      !ARTICLES.has(previous(place)) &&
      !/^(?:white|turtle|mourning|of)$/.test(previous(place))
        ? 'past'
        : 'bird',
  ],
  ['row', rowSense],
  ['rows', place => (rowSense(place) === 'quarrel' && previous(place) !== 'a' ? 'quarrel' : 'line')],
  ['axes', place => (near(place, AXES) ? 'axis' : 'tool')],
  ['bases', place => (near(place, BASES, 5) ? 'basis' : 'base')],
  ['used', usedSense],
  ['minute', minuteSense],
  ['polish', polishSense],
  [
    'august',
    place =>
      isCapitalized(place) ||
      place.tags[place.index + 1] === 'NUM' ||
      /^(?:in|on|of|last|next|since|until|by|late|early|mid|from|to|every|this)$/.test(previous(place))
        ? 'month'
        : 'majestic',
  ],
  [
    'job',
    place =>
      isCapitalized(place) && /^(?:of)$/.test(previous(place)) && /^(?:book|patience|story|trials|sufferings)$/.test(previous(place, 2))
        ? 'name'
        : 'work',
  ],
  ['nice', city('kind', wordSet('france'))],
  ['mobile', city('moving', wordSet('alabama'))],
  ['reading', city('text', wordSet('england berkshire pennsylvania'))],
  [
    'sake',
    place =>
      near(place, SAKE) && !/^(?:the|my|your|his|her|its|our|their|god's|heaven's|goodness)$/.test(previous(place)) ? 'drink' : 'behalf',
  ],
  [
    'pasty',
    place =>
      isNoun(place.tags[place.index + 1]) || BE.has(previous(place)) || /^(?:looked|look|looks|his|her)$/.test(previous(place))
        ? 'pale'
        : ARTICLES.has(previous(place)) || isNoun(place.tags[place.index - 1])
          ? 'food'
          : 'pale',
  ],
  ['primer', place => (/^(?:on|for|in)$/.test(next(place)) && !near(place, PAINTED) ? 'book' : 'paint')],
  ['putting', place => (near(place, GOLF) && !ARTICLES.has(next(place)) ? 'golf' : 'place')],
  ['sow', place => (ARTICLES.has(previous(place)) || /^(?:pregnant|old|wild|breeding)$/.test(previous(place)) ? 'pig' : 'plant')],
  ['sows', place => (near(place, PIGS) ? 'pig' : 'plant')],
  ['slough', place => (classOf(place) === 'V' || next(place) === 'off' ? 'shed' : 'swamp')],
  ['sloughs', place => (next(place) === 'off' ? 'shed' : 'swamp')],
  [
    'does',
    place =>
      /^(?:two|three|four|five|six|seven|eight|nine|ten|several|bucks|pregnant)$/.test(previous(place)) ||
      (previous(place) === 'and' && previous(place, 2) === 'bucks')
        ? 'N'
        : 'V',
  ],
  ['learned', isLong(new Set(), wordSet('behavior behaviour skill skills response responses helplessness lesson lessons language'))],
  ['blessed', isLong(wordSet('virgin sacrament mother few trinity relief event are be is day days hours hour peace silence'))],
  ['aged', isLong(PEOPLE)],
  ['moped', place => (/^(?:i|you|he|she|we|they|and)$/.test(previous(place)) || /^(?:around|about)$/.test(next(place)) ? 'V' : 'N')],
  ['dogged', place => (next(place) === 'by' || (ARTICLES.has(next(place)) && !ARTICLES.has(previous(place))) ? 'V' : 'A')],
  ['analyses', analysesSense],
  ['diagnoses', analysesSense],
  [
    'invalid',
    place =>
      PEOPLE.has(next(place)) ||
      (classOf(place) === 'N' && ARTICLES.has(previous(place)) && /^(?:who|and|in|for|chair|,|\.|)$/.test(next(place)))
        ? 'N'
        : 'A',
  ],
  ['close', closeSense],
  ['live', liveSense],
])
