import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLexicon } from './lexicon.ts'
import { normalize, toSpokenText } from './normalize.ts'

const speak = (text: string) => toSpokenText(normalize(text).tokens)

/** What a careful American reader says, `written | spoken`. */
const TABLE = `
In 1984 it began. | In nineteen eighty-four it began.
in 2007 | in two thousand seven
in 2026 | in twenty twenty-six
in 1905 | in nineteen oh five
the 1900s | the nineteen hundreds
the '90s | the nineties
the 1920s were loud | the nineteen twenties were loud
the 2000s | the two thousands
in his 20s | in his twenties
class of '98 | class of ninety-eight
44 BC | forty-four B C
500 AD | five hundred A D
AD 79 | A D seventy-nine
It has 1,234,567 parts. | It has one million two hundred thirty-four thousand five hundred sixty-seven parts.
1,984 cats | one thousand nine hundred eighty-four cats
3.14 | three point one four
0.5 | zero point five
.75 | point seven five
-5 degrees | minus five degrees
It fell to -12.5. | It fell to minus twelve point five.
the 1st and the 22nd | the first and the twenty-second
the 3rd, 11th and 100th | the third, eleventh and one hundredth
Henry VIII had six wives. | Henry the eighth had six wives.
Louis XIV's palace | Louis the fourteenth's palace
Chapter IV | Chapter four
World War II ended. | World War two ended.
World War I began. | World War one began.
Rocky III | Rocky three
Act V, Scene II | Act five, Scene two
Malcolm X spoke. | Malcolm X spoke.
Then I said so. | Then I said so.
$3.50 | three dollars and fifty cents
$1 | one dollar
$0.99 | ninety-nine cents
$1.01 | one dollar and one cent
£1m | one million pounds
€20 | twenty euros
20€ | twenty euros
$2.5 billion | two point five billion dollars
a $5 bill | a five dollar bill
¥500 | five hundred yen
£3.20 | three pounds and twenty pence
-$40 | minus forty dollars
$5–10 | five to ten dollars
$5-$10 | five to ten dollars
50¢ | fifty cents
100 USD | one hundred U S dollars
$1,000,000 | one million dollars
$100k | one hundred thousand dollars
US$30 | thirty U S dollars
2026-11-23 | November twenty-third, twenty twenty-six
11/23/2026 | November twenty-third, twenty twenty-six
23/11/2026 | November twenty-third, twenty twenty-six
Nov. 23 | November twenty-third
Nov. 23, 2026 | November twenty-third, twenty twenty-six
November 23rd | November twenty-third
23 November 2026 | the twenty-third of November, twenty twenty-six
the 4th of July | the fourth of July
November 2026 | November twenty twenty-six
March 5–7 | March fifth to seventh
May 5 | May fifth
It may 5 times fail. | It may five times fail.
in Jan. 1999 | in January nineteen ninety-nine
7:09 | seven oh nine
19:30 | nineteen thirty
7:00 | seven o'clock
14:00 | fourteen hundred
at 5pm. | at five P M.
at 5 p.m. | at five P M.
at 5 p.m. today | at five P M today
12 a.m. | twelve A M.
10:15 a.m. He left. | ten fifteen A M. He left.
7:05:30 | seven oh five and thirty seconds
a 16:9 screen | a sixteen to nine screen
5 km | five kilometers
1 km | one kilometer
a 5 km run | a five kilometer run
20°C | twenty degrees Celsius
-3 °F | minus three degrees Fahrenheit
60 mph | sixty miles per hour
3 GB | three gigabytes
2.4GHz | two point four gigahertz
5'11" | five foot eleven
100 km/h | one hundred kilometers per hour
16 kHz | sixteen kilohertz
3.5 mm | three point five millimeters
6 ft. tall | six feet tall
70 kg | seventy kilograms
20 m² | twenty square meters
5 in the box | five in the box
90° | ninety degrees
½ cup | one half cup
1.5 hrs | one point five hours
12% | twelve percent
12.5 % | twelve point five percent
10–20% | ten to twenty percent
1/2 | one half
3/4 | three quarters
2/3 of it | two thirds of it
2 1/2 | two and a half
¾ | three quarters
1½ | one and a half
24/7 | twenty-four seven
8/10 | eight out of ten
1914–1918 | nineteen fourteen to nineteen eighteen
1914-18 | nineteen fourteen to eighteen
pages 3-5 | pages three to five
5–10 km | five to ten kilometers
We won 3-2. | We won three to two.
Mon–Fri | Monday to Friday
Call 555-1234. | Call five five five, one two three four.
(555) 123-4567 | five five five, one two three, four five six seven
+1 555 123 4567 | plus one, five five five, one two three, four five six seven
Call 911! | Call nine one one!
v2.1.3 | version two point one point three
version 2.1.3 | version two point one point three
192.168.0.1 | one nine two dot one six eight dot zero dot one
2 + 2 = 4 | two plus two equals four
10 - 3 = 7 | ten minus three equals seven
3 × 4 | three times four
6 ÷ 2 | six divided by two
x^2 | x squared
10³ | ten cubed
x < 5 | x less than five
±2 | plus or minus two
~5 people | about five people
1920x1080 | nineteen twenty by ten eighty
6.02e23 | six point zero two times ten to the twenty-third
me@example.com | me at example dot com
https://www.example.com/docs | example dot com slash docs
Visit example.org. | Visit example dot org.
Use Node.js. | Use Node dot J S.
open index.html | open index dot H T M L
#OpenSource | hashtag Open Source
@jane_doe | at jane underscore doe
#1 | number one
C++ and C# | C plus plus and C sharp
Great job 🎉👍🏽! | Great job!
I ❤️ it | I love it
**bold** and *it* | bold and it
# Title | Title
a [link](https://example.com/x) here | a link here
run \`npm install\` | run npm install
- one thing | one thing
Dr. Smith | Doctor Smith
Mr. and Mrs. Jones | Mister and Missus Jones
Mr Bean | Mister Bean
St. Paul | Saint Paul
He lives on Main St. | He lives on Main Street.
He lives at 5 Elm St. in Boston. | He lives at five Elm Street in Boston.
In St. Louis | In Saint Louis
Take Elm Dr. to the end. | Take Elm Drive to the end.
fruit, e.g. apples | fruit, for example apples
i.e. now | that is now
cats, dogs, etc. | cats, dogs, etcetera.
cats, etc. are fine | cats, etcetera are fine
cats vs. dogs | cats versus dogs
No. 5 | number five
No. I won't. | No. I won't.
approx. 5 miles | approximately five miles
Prof. Lee | Professor Lee
Gen. Grant | General Grant
see p. 5 and pp. 6-7 | see page five and pages six to seven
Fig. 3 | figure three
J. R. R. Tolkien | J R R Tolkien
Acme Inc. | Acme Incorporated.
Martin Luther King Jr. spoke | Martin Luther King Junior spoke
Mt. Everest | Mount Everest
a Ph.D. in math | a P H D in math
NASA launched | nasa launched
the FBI and HTML | the F B I and H T M L
the U.S. Army | the U S Army
in the U.S. | in the U S.
the USA | the U S A
NATO and UNESCO | nato and unesco
CPUs and DVDs | C P U's and D V D's
the FBI's files | the F B I's files
JSON and SQL | jason and S Q L
it's OK | it's okay
the UCLA team | the U C L A team
AT&T | A T and T
R&D | R and D
B2B | B two B
an MP3 player | an M P three player
A4 paper | A four paper
a 4K screen | a four K screen
3D | three D
1080p | ten eighty P
H2O | H two O
COVID-19 | covid nineteen
an F-16 jet | an F sixteen jet
iPhone 15 | I Phone fifteen
AI-powered | A I powered
OpenAI | Open A I
a Boeing 747 | a Boeing seven forty-seven
STOP! DO NOT ENTER THIS ROOM. | stop! do not enter this room.
THIS IS THE FBI. | this is the F B I.
Please STOP now. | Please stop now.
Vitamin A is good. | Vitamin A is good.
A cat | a cat
“Hello,” she said—‘fine’… | "Hello," she said— fine…
Wait... what?! | Wait… what?!
yes -- no | yes— no
he/she | he or she
café naïve | café naïve
ﬁne ｆｕｌｌ １２ | fine full twelve
don’t | don't
'tis | 'tis
the dogs' house | the dogs' house
rock 'n' roll | rock n roll
well-known mother-in-law | well-known mother-in-law
007 | zero zero seven
and/or | and or
w/o milk | without milk
O'Neil and McDonald's | O'Neil and McDonald's
5 & 6 | five and six
50% off | fifty percent off
wow!!! | wow!
(see below) | (see below)
one: two; three | one: two; three
5kg | five kilograms
the 5-km walk | the five kilometer walk
∞ | infinity
π | pi
Łódź, Dvořák | Lódź, Dvořák
H₂O | H two O
10x faster | ten times faster
The year 2000 | The year two thousand
May 5th, 2021 | May fifth, twenty twenty-one
10:30 AM EST | ten thirty A M E S T
1,000th | one thousandth
-40°F | minus forty degrees Fahrenheit
5 ft 11 in | five feet eleven inches
Sept. 11, 2001 | September eleventh, two thousand one
07/04/1776 | July fourth, seventeen seventy-six
on 12/25 | on December twenty-fifth
Lt. Col. Smith | Lieutenant Colonel Smith
user@mail.co.uk | user at mail dot co dot U K
www.google.com | google dot com
the 1960's | the nineteen sixties
2nd Ave | second Avenue
No. 10 Downing St. | number ten Downing Street.
8 a.m.–5 p.m. | eight A M to five P M.
9am-5pm | nine A M to five P M
15%-20% | fifteen percent to twenty percent
£50m-£60m | fifty to sixty million pounds
√2 | square root of two
10^6 | ten to the sixth
1e-5 | one times ten to the minus fifth
Washington, D.C. | Washington, D C.
Mon., Jan. 5 | Monday, January fifth
c. 1500 | circa fifteen hundred
ca. 5,000 B.C. | circa five thousand B C.
27" screen | twenty-seven inch screen
He said "in 1984" and left. | He said "in nineteen eighty-four" and left.
the mid-1990s | the mid nineteen nineties
a 5-year-old boy | a five year-old boy
A/B test | A B test
Elizabeth II's reign | Elizabeth the second's reign
Pope John Paul II | Pope John Paul the second
King George VI | King George the sixth
Type II diabetes | Type two diabetes
Super Bowl XLVIII | Super Bowl forty-eight
Final Fantasy VII | Final Fantasy seven
Section 3.2.1 | Section three point two point one
J.K. Rowling | J K Rowling
The U.S. is big. | The U S is big.
3 a.m. Monday | three A M Monday
I'm 6'2" | I'm six foot two
GPT-4 | G P T four
TCP/IP | T C P I P
32-bit | thirty-two bit
1990–present | nineteen ninety to present
2020/21 | twenty twenty twenty-one
PhDs and a Ph.D. student | P H D's and a P H D student
the IT department | the I T department
AM radio | A M radio
macOS | mac O S
5℃ | five degrees Celsius
№ 5 | number five
I HAVE TO GO NOW! | I have to go now!
Call Dr. King. | Call Doctor King.
Visit St. Louis | Visit Saint Louis
the max. is 5 | the maximum is five
It reached the max. Then it fell. | It reached the max. Then it fell.
in Oct. we met | in October we met
1-800-555-0199 | one, eight zero zero, five five five, zero one nine nine
1234567890 | one two three four five six seven eight nine zero
<b>bold</b> | bold
the mid-90s | the mid nineties
221B Baker St. | two twenty-one B Baker Street.
Hi :) | Hi
$HOME | dollar home
1 | one
`
  .trim()
  .split('\n')
  .map(line => line.replaceAll('\\`', '`').split(' | ') as [string, string])

describe('normalize', () => {
  it.each(TABLE)('reads "%s" as "%s"', (written, spoken) => expect(speak(written)).toBe(spoken))

  it('breaks at blank lines and list items', () => {
    expect(speak('Title\n\nText')).toBe('Title. Text')
    expect(speak('- one\n- two')).toBe('one. two')
    expect(speak('wrapped\nline')).toBe('wrapped line')
  })

  it('leaves out references where it is told to', () => {
    const text = 'It works [1], as shown [12, 13] and said [3–5].[note 2] See [x](https://example.com) and [2024].'
    expect(toSpokenText(normalize(text, { citations: false }).tokens)).toBe('It works, as shown and said. See x and twenty twenty-four.')
    expect(speak('It works [1].')).toBe('It works one.')
  })

  it('gives words without the full stop that ends the sentence', () => {
    const text = 'Come at 9:30PM. Bring $5.'
    const words = normalize(text).tokens.flatMap(({ kind, start, end }) => (kind === 'word' ? [text.slice(start, end)] : []))
    expect(words).toEqual(['Come', 'at', '9:30PM', 'Bring', '$5'])
  })

  it('gives every word its place in the source', () => {
    const text = 'Café №5: “naïve” ½ ﬁne 👍 $3.50…'
    const places = normalize(text).tokens.flatMap(({ kind, start, end }) => (kind === 'word' ? [text.slice(start, end).trim()] : []))
    expect(places).toEqual(['Café', '№', '5', 'naïve', '½', 'ﬁne', '$3.50'])
  })

  it('lets the lexicon win over every rule, and read longer names first', () => {
    const lexicon = createLexicon({
      gif: 'jif',
      'c++': 'see plus plus',
      SQL: '/sˈiːkwəl/',
      k8s: 'kubernetes',
      '1337': 'leet',
      'node.js': 'node',
    })
    const { tokens } = normalize("GIF, C++, SQL's, k8s, 1337 and Node.js.", { lexicon })
    expect(toSpokenText(tokens)).toBe("jif, see plus plus, SQL's, kubernetes, leet and node.")
    expect(tokens.find(token => token.text === "SQL's")).toMatchObject({ phonemes: 'sˈiːkwəlz' })
  })

  it('lists what it leaves out, once each', () => {
    expect(normalize('你好你 שלום Привет \ud800 ok').warnings).toEqual([
      'left out 13 characters that English text to speech cannot read: 你 好 ש ל ו ם П р и в е т �',
    ])
    expect(normalize('👍 ★ ok ™ 👍').warnings).toEqual(['left out pictures, which are not read aloud: 👍 ★ ™'])
  })

  it('gives nothing for text without anything to say', () => {
    for (const text of ['', ' ', '...', '?!', '"" () —', '👍', '***', '---', '\0\u0007', '\ud800', '你好', '\u0301'])
      expect(normalize(text).tokens).toEqual([])
  })

  it('says only Latin words and marks, at places in order, for any string', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 80 }), hostileText), text => {
        let at = 0
        for (const { kind, text: spoken, start, end } of normalize(text).tokens) {
          expect(spoken).toMatch(kind === 'word' ? /^[\p{Script=Latin}\p{M}' ,.-]+$/u : /^(?:[.,;:…—()"]|[?]?!?)$/)
          expect(start).toBeGreaterThanOrEqual(at)
          expect(end).toBeGreaterThanOrEqual(start)
          expect(end).toBeLessThanOrEqual(text.length)
          at = start
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('says digits and signs of names that begin with a dot', () => {
    expect(speak('a .h5 or an .mp3 file, and .my_settings')).toBe('a dot H five or an dot M P three file, and dot my underscore settings')
  })

  it('leaves what it has said as it is', () => {
    for (const [, spoken] of TABLE) if (!/\b[A-Z]\b|["—…]|No\./.test(spoken)) expect(speak(spoken)).toBe(spoken)
  })
})

const hostileText = fc
  .array(
    fc.constantFrom(
      ...'0159.,:;/\\-–—+%$€£°\'"()[]<>#@&*_^~=xX sStThHkKmMaAIVé½²…!?\n '.split(''),
      'pm',
      'Dr.',
      'St. ',
      'U.S.',
      'http://',
      'Jan. ',
    ),
    { maxLength: 40 },
  )
  .map(parts => parts.join(''))
