import { cardinalToWords, digitsToWords, pairsToWords } from './numbers.ts'
import { after, before, END, type Rule, sticky } from './rules.ts'

/** Letters and digits one by one: `'1Z9'` → "one Z nine". Anything else is skipped. */
const spellCode = (code: string): string =>
  [...code.toUpperCase()].flatMap(sign => (/\d/.test(sign) ? [digitsToWords(sign)] : /[A-Z]/.test(sign) ? [sign] : [])).join(' ')

const digitGroups = (text: string) =>
  text
    .split(/\D+/)
    .filter(group => group !== '')
    .map(digitsToWords)
    .join(', ')

/** Words after which a number names something and is read digit by digit. */
const NAMES_A_CODE =
  /(?:^|[^\p{L}])(?:(?:pass|verification |security |access |area |zip |postal |promo |discount |confirmation |entry |door |gate |bar|country |product |error |sort |login |backup )?codes?|pin|otp|password|passcode|account|acct|card|end(?:ing|s)(?: in)?|serial|tracking|reservation|booking|confirmation|case|ticket|license|licence|plate|badge|employee|customer|member|policy|routing|reference|ref|sku|ssn|imei|isbn|id|text|sms|dial|extension|ext)(?: number| no| nr| num| id| code| plate)?\.?(?: is| was|:| #|#)? ?(?:[A-Z]{1,3}[ -])?$/iu
/** Words after which an order or the like has a number. */
const NUMBERED_ORDER =
  /(?:^|[^\p{L}])(?:order|invoice|claim|record|file|docket|model|part|item|bill)(?: number| no\.?| nr\.?| num| id)?:? ?#?$/iu
/** Words after which a number is said in pairs. */
const IN_PAIRS =
  /(?:^|[^\p{L}])(?:flight|runway|seat|flat|platform|track|row|pier|bay|berth|stand|rte|room|rm\.?|suite|ste\.?|apartment|apt\.?|unit|gate|route|rte\.?|highway|hwy\.?|interstate|exit|bus|error|http|status|form|section|channel|boeing(?:'s)?|airbus(?:'s)?|locker|building|bldg\.?|train|line|lot|court)(?: [A-Z]{2})? ?(?:number |no\. ?|#)?$/iu

/** Numbers that name something: digit by digit, or in pairs. */
export const CODE_RULES: readonly Rule[] = [
  {
    name: 'phone: +1 (555) 123-4567, 555-1234, 020 7946 0958',
    pattern: sticky(
      `(?:\\+?\\d{1,3}[-. ]{1,2})?(?:\\(\\d{3}\\) ?|\\d{3}[-. ])\\d{3}[-. ]\\d{4}${END}(?!-\\d)|\\+\\d{1,3}(?:[ .-]?(?:\\(0\\))?\\(?\\d{1,5}\\)?){2,6}${END}|\\(?0\\d{2,4}\\)?[ -]\\d{3,4}[ -]?\\d{3,4}${END}|\\d{1,6}(?:-\\d{1,6}){2,6}${END}|\\d{3}-\\d{4}(?<!00)${END}(?!-)`,
    ),
    say: ([phone]) => (phone.startsWith('+') ? 'plus ' : '') + digitGroups(phone),
  },
  {
    name: 'phone with letters: 1-800-FLOWERS',
    pattern: sticky('(1-)?(8\\d\\d|900)-([A-Z]{3,9}|[A-Z]{2,5}-[A-Z]{2,5}|[A-Z\\d]{3}-[A-Z\\d]{4})(?![\\p{L}\\d])'),
    say([, one, area = '', name = '']) {
      const words = name
        .split('-')
        .map(part => (/^[A-Z]*[AEIOUY][A-Z]*$/.test(part) && part.length > 2 ? part.toLowerCase() : spellCode(part)))
      return `${one ? 'one ' : ''}${/00$/.test(area) ? cardinalToWords(area) : digitsToWords(area)} ${words.join(' ')}`
    },
  },
  {
    name: 'card number: 4111 1111 1111 1111',
    pattern: sticky(`\\d{4}([ -])\\d{4}\\1\\d{4}\\1\\d{1,4}${END}|\\d{4} \\d{6} \\d{5}${END}|(?:[X*x•]{4}[ -]?){1,3}\\d{4}${END}`),
    say: ([card]) => digitGroups(card),
  },
  {
    name: 'star code: *67, #31#',
    pattern: sticky(`(?<!\\d ?)([*#])(\\d{2,4})([#*])?(?![\\p{L}\\d])`),
    say([match, first = '', digits = '', last], context) {
      if (!last && !/(?:dial|press|call|enter|text|dialed|dialing)\s$/i.test(before(context, 10))) return undefined
      const name = (sign: string) => (sign === '*' ? 'star' : 'pound')
      return { text: `${name(first)} ${digitsToWords(digits)}${last ? ` ${name(last)}` : ''}`, length: match.length }
    },
  },
  {
    name: 'emergency number: call 911',
    pattern: sticky(`(\\d{3})${END}(?![.,:/-]\\d)`),
    say: ([, digits = ''], { previous }) =>
      /^(?:call|calls|called|calling|dial|dials|dialed|dialing|phone)$/i.test(previous) ? digitsToWords(digits) : undefined,
  },
  {
    name: 'extension: x5512',
    pattern: sticky(`x\\s?(\\d{2,5})${END}`),
    say: ([, digits = ''], context) =>
      /[\d)],?\s$/.test(before(context, 3)) || (digits.length > 2 && /^$|\($/.test(before(context, 1)))
        ? `extension ${digitsToWords(digits)}`
        : undefined,
  },
  {
    name: 'flight: UA1234',
    pattern: sticky(`([A-Z][A-Z\\d])(\\d{1,4})${END}`),
    say: ([, airline = '', digits = ''], { previous }) =>
      /^flights?$/i.test(previous) ? `${spellCode(airline)} ${pairsToWords(digits)}` : undefined,
  },
  {
    name: 'hardware address: 00:1A:2B:3C:4D:5E',
    pattern: sticky('[\\dA-Fa-f]{2}(?:[:-][\\dA-Fa-f]{2}){5}(?![\\p{L}\\d:-])'),
    say: ([address]) => address.split(/[:-]/).map(spellCode).join(', '),
  },
  {
    name: 'UUID',
    pattern: sticky('[\\dA-Fa-f]{8}(?:-[\\dA-Fa-f]{4}){3}-[\\dA-Fa-f]{12}(?![\\p{L}\\d])'),
    say: ([uuid]) => uuid.split('-').map(spellCode).join(', '),
  },
  {
    name: 'IP address: 192.168.0.1, 10.0.0.0/8, 127.0.0.1:8080',
    pattern: sticky(`(\\d{1,3}(?:\\.\\d{1,3}){3})(?::(\\d{1,5}))?(?:/(\\d{1,2}))?${END}(?!\\.\\d)`),
    say([, address = '', port, bits]) {
      const parts = address.split('.').map(part => (part.length > 2 ? digitsToWords(part) : cardinalToWords(part)))
      return parts.join(' dot ') + (port ? ` colon ${digitsToWords(port)}` : '') + (bits ? ` slash ${cardinalToWords(bits)}` : '')
    },
  },
  {
    name: 'version: v2.1.3, 2.1.3, Python 3.11',
    pattern: sticky(`(v(?=\\d))?(\\d{1,6}(?:\\.\\d{1,6}){0,5})(?:-(?=(?:alpha|beta|rc|pre)))?(?:${END}|(?=alpha|beta|rc|pre))(?!%)`, 'i'),
    say([, v, version = ''], context) {
      const parts = version.split('.')
      if ((!v && /^\d{1,3}(?:\.\d{3}){2,}$/.test(version)) || (v === 'V' && parts.length === 1)) return undefined
      const product =
        /(?:^|[^\p{L}])(?:Python|Node|Java|Ruby|PHP|Perl|Go|Swift|Ubuntu|Debian|Android|macOS|iOS|Linux|kernel|version|ver\.|release|TypeScript|Angular|Postgres|PostgreSQL|MySQL)\s$/u.test(
          before(context),
        )
      if (!v && parts.length < 3 && !(product && parts.length === 2 && (parts[1] as string).length === 2 && !/^0/.test(parts[1] as string)))
        return undefined
      return (v ? 'version ' : '') + parts.map(cardinalToWords).join(' point ')
    },
  },
  {
    name: 'paragraph of law: 401(k), 501(c)(3)',
    pattern: sticky('(\\d{1,4})\\(([a-zA-Z])\\)(?:\\((\\d{1,2})\\))?(?![\\p{L}\\d])'),
    say: ([, number = '', letter = '', last]) =>
      `${pairsToWords(number)} ${letter.toUpperCase()}${last ? ` ${cardinalToWords(last)}` : ''}`,
  },
  {
    name: 'hexadecimal: 0x1A3F, #FF5733',
    pattern: sticky(
      '0[xX]([\\dA-Fa-f]{1,32})(?![\\p{L}\\d])|0b([01]{1,64})(?![\\p{L}\\d])|#((?=[A-Fa-f]{0,5}\\d)[\\dA-Fa-f]{6}|(?=[\\dA-Fa-f]{0,2}[A-Fa-f])(?=[A-Fa-f]{0,2}\\d)[\\dA-Fa-f]{3})(?![\\p{L}\\d])',
    ),
    say: ([, number, binary, color]) =>
      binary ? `zero B ${digitsToWords(binary)}` : number ? `zero X ${spellCode(number)}` : `hash ${spellCode(color as string)}`,
  },
  {
    name: 'code of letters and digits: 1Z999AA1, A1B2C3, a1b2c3d',
    pattern: sticky('(?=[A-Za-z]{0,20}\\d)(?=\\d{0,20}[A-Za-z])(?:[A-Z\\d]{6,40}|[a-f\\d]{7,40})(?![\\p{L}\\d])'),
    say([code], { previous }) {
      if (/^(?:[CHNOPSFKIB]\d{0,3}){2,12}$/.test(code)) return undefined // C6H12O6
      const changes = code.match(/\d[A-Za-z]|[A-Za-z]\d/g)?.length ?? 0
      const cued = /^(?:code|number|plate|vin|id|sku|tracking|serial|commit|flight|confirmation)$/i.test(previous)
      return changes >= 3 ||
        (changes >= 2 && (cued || /\d{5}|^\d/.test(code))) ||
        (cued && previous.toLowerCase() !== 'flight' && /\d{3}/.test(code))
        ? spellCode(code)
        : undefined
    },
  },
  {
    name: 'postcode: SW1A 1AA, K1A 0B1',
    pattern: sticky('([A-Z]{1,2}\\d[A-Z\\d]?) (\\d[A-Z]{2})(?![\\p{L}\\d])|([A-Z]\\d[A-Z]) (\\d[A-Z]\\d)(?![\\p{L}\\d])'),
    say: ([, a, b, c, d]) => `${spellCode((a ?? c) as string)} ${spellCode((b ?? d) as string)}`,
  },
  {
    name: 'numbers with zeros in front: 2024-0031',
    pattern: sticky(`\\d{2,8}-0\\d{2,8}${END}`),
    say: ([number]) => digitGroups(number),
  },
  {
    name: 'code in groups after its name: passcode 903 441, S/N: 4C-2291-XK',
    pattern: sticky('\\d{3} \\d{3}(?![\\d,.]\\d|[\\p{L}\\d])|(?=[A-Z-]{0,20}\\d)[A-Z\\d]{1,8}(?:-[A-Z\\d]{1,8}){1,5}(?![\\p{L}\\d])'),
    say([code], context) {
      const ahead = before(context, 40)
      const named = /\d \d/.test(code)
        ? NAMES_A_CODE.test(ahead)
        : /(?:serial(?: number| no\.?)?|S\/N|code|confirmation|reference|tracking|license plate|plate):? ?$/i.test(ahead)
      return named ? code.split(/[ -]/).map(spellCode).join(', ') : undefined
    },
  },
  {
    name: 'code after its name: code 482913, PIN: 1234, order no. 88213',
    pattern: sticky(`(\\d{3,19})${END}(?![.,:/]\\d|%|-\\d| (?:million|billion|thousand|people|times))`),
    say([match, digits = ''], context) {
      const ahead = before(context, 40)
      const isMany = /^ (?:\p{L}+s)(?!\p{L})/u.test(after(context, match)) && digits.length < 5
      if (isMany || !(NAMES_A_CODE.test(ahead) || (digits.length > 4 && NUMBERED_ORDER.test(ahead)))) return undefined
      return /(?:error|status) code ?$/i.test(ahead) ? pairsToWords(digits) : digitsToWords(digits)
    },
  },
  {
    name: 'in pairs: room 204, flight 370, Boeing 737-800',
    pattern: sticky(`(\\d{1,4})([A-Z])?(?![\\p{L}\\d]|[.,:/]\\d|%)(?:-(\\d{3})(?![\\d-]))?`),
    say([, digits = '', letter, last], context) {
      if (!IN_PAIRS.test(before(context, 30)) || (digits.length < 3 && !letter)) return undefined
      return pairsToWords(digits) + (letter ? ` ${letter}` : '') + (last ? ` ${pairsToWords(last)}` : '')
    },
  },
]
