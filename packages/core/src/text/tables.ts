/** Months by calendar order. */
export const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** Month names and abbreviations → full name. */
export const MONTH_NAMES: Readonly<Record<string, string>> = Object.fromEntries([
  ...MONTHS.map(month => [month, month]),
  ...MONTHS.map(month => [month.slice(0, 3), month]),
  ['Sept', 'September'],
])

/** Currency symbol or code → one, many, one hundredth, hundredths. */
export const CURRENCIES: Readonly<Record<string, readonly string[]>> = {
  $: ['dollar', 'dollars', 'cent', 'cents'],
  '€': ['euro', 'euros', 'cent', 'cents'],
  '£': ['pound', 'pounds', 'penny', 'pence'],
  '¥': ['yen', 'yen'],
  '₹': ['rupee', 'rupees', 'paisa', 'paise'],
  '₩': ['won', 'won'],
  '₽': ['ruble', 'rubles', 'kopeck', 'kopecks'],
  '₺': ['lira', 'lira'],
  '₿': ['bitcoin', 'bitcoins'],
  '¢': ['cent', 'cents'],
  USD: ['dollar', 'dollars', 'cent', 'cents'],
  EUR: ['euro', 'euros', 'cent', 'cents'],
  GBP: ['pound', 'pounds', 'penny', 'pence'],
  JPY: ['yen', 'yen'],
  CHF: ['Swiss franc', 'Swiss francs'],
}

/** Letters and words after an amount of money → scale word. */
export const MAGNITUDES: Readonly<Record<string, string>> = {
  thousand: 'thousand',
  million: 'million',
  billion: 'billion',
  trillion: 'trillion',
  mn: 'million',
  bn: 'billion',
  tn: 'trillion',
  k: 'thousand',
  K: 'thousand',
  m: 'million',
  M: 'million',
  b: 'billion',
  B: 'billion',
  T: 'trillion',
}

const regular = (words: string, separator = ' ') =>
  Object.fromEntries(
    words
      .split(separator)
      .map(entry => entry.split('='))
      .map(([unit = '', one = '']) => [unit, [one, `${one}s`]]),
  )

/** Unit sign → one, many; `attached` units are letters too common to be read as units unless they touch the number. */
export const UNITS: Readonly<Record<string, readonly string[]>> = {
  ...regular(
    'km=kilometer m=meter cm=centimeter mm=millimeter nm=nanometer µm=micrometer mi=mile yd=yard kg=kilogram g=gram mg=milligram µg=microgram',
  ),
  ...regular(
    'oz=ounce lb=pound lbs=pound ml=milliliter mL=milliliter l=liter L=liter cl=centiliter gal=gallon tsp=teaspoon tbsp=tablespoon',
  ),
  ...regular('hr=hour hrs=hour min=minute mins=minute sec=second secs=second ms=millisecond ns=nanosecond yr=year yrs=year'),
  ...regular(
    'KB=kilobyte kB=kilobyte MB=megabyte GB=gigabyte TB=terabyte PB=petabyte KiB=kibibyte MiB=mebibyte GiB=gibibyte Mb=megabit Gb=gigabit',
  ),
  ...regular(
    'W=watt kW=kilowatt MW=megawatt GW=gigawatt V=volt kV=kilovolt mV=millivolt mA=milliamp kJ=kilojoule kPa=kilopascal dB=decibel',
  ),
  ...regular('cal=calorie kcal=kilocalorie px=pixel cc=c.c. ha=hectare Ω=ohm kΩ=kilohm'),
  ...regular(
    'kWh=kilowatt hour|Wh=watt hour|MWh=megawatt hour|mAh=milliamp hour|km²=square kilometer|m²=square meter|cm²=square centimeter',
    '|',
  ),
  ...regular(
    'm³=cubic meter|cm³=cubic centimeter|km2=square kilometer|m2=square meter|m3=cubic meter|sq mi=square mile|sq m=square meter',
    '|',
  ),
  ft: ['foot', 'feet'],
  'sq ft': ['square foot', 'square feet'],
  in: ['inch', 'inches', 'attached'],
  s: ['second', 'seconds', 'attached'],
  h: ['hour', 'hours'],
  t: ['ton', 'tons', 'attached'],
  Hz: ['hertz', 'hertz'],
  kHz: ['kilohertz', 'kilohertz'],
  MHz: ['megahertz', 'megahertz'],
  GHz: ['gigahertz', 'gigahertz'],
  mph: ['mile per hour', 'miles per hour'],
  kph: ['kilometer per hour', 'kilometers per hour'],
  'km/h': ['kilometer per hour', 'kilometers per hour'],
  'm/s': ['meter per second', 'meters per second'],
  'm/s²': ['meter per second squared', 'meters per second squared'],
  rpm: ['R P M', 'R P M'],
  bpm: ['beat per minute', 'beats per minute'],
  fps: ['frame per second', 'frames per second'],
  dpi: ['dot per inch', 'dots per inch'],
  psi: ['P S I', 'P S I'],
  kbps: ['kilobit per second', 'kilobits per second'],
  Mbps: ['megabit per second', 'megabits per second'],
  Gbps: ['gigabit per second', 'gigabits per second'],
  'kbit/s': ['kilobit per second', 'kilobits per second'],
  'Mbit/s': ['megabit per second', 'megabits per second'],
  'MB/s': ['megabyte per second', 'megabytes per second'],
  'GB/s': ['gigabyte per second', 'gigabytes per second'],
  '°C': ['degree Celsius', 'degrees Celsius'],
  '°F': ['degree Fahrenheit', 'degrees Fahrenheit'],
  '° C': ['degree Celsius', 'degrees Celsius'],
  '° F': ['degree Fahrenheit', 'degrees Fahrenheit'],
  '°': ['degree', 'degrees'],
  '‰': ['per mille', 'per mille'],
}

/** How an abbreviation with its dot is read. */
export interface Abbreviation {
  readonly say: string
  /** Only before a digit (`No. 5`), a capital (`Gen. Lee`), or anything but a new sentence (`max. 5`): some are ordinary words, too. */
  readonly before?: 'digit' | 'capital' | 'more'
  /** May be the last word of a sentence, whose full stop is then the same dot. */
  readonly final?: true
  /** Also without a dot, in this capitalization (British `Mr`). */
  readonly dotless?: true
}

const list = (entries: string, rest: Omit<Abbreviation, 'say'>) =>
  Object.fromEntries(
    entries
      .split('|')
      .map(entry => entry.split('='))
      .map(([short = '', say = '']) => [short, { say, ...rest }]),
  )

/** Abbreviations as they are written before the dot; a capital in the key must be a capital in the text. `St` and `Dr` are read by context. */
export const ABBREVIATIONS: Readonly<Record<string, Abbreviation>> = {
  ...list('Mr=Mister|Mrs=Missus|Ms=Mizz|Mx=Mix|Prof=Professor|Messrs=Messers', { dotless: true }),
  ...list('Gen=General|Col=Colonel|Capt=Captain|Lt=Lieutenant|Sgt=Sergeant|Cpl=Corporal|Maj=Major|Cmdr=Commander|Adm=Admiral', {
    before: 'capital',
  }),
  ...list('Gov=Governor|Sen=Senator|Rep=Representative|Pres=President|Rev=Reverend|Hon=Honorable|Fr=Father|Supt=Superintendent', {
    before: 'capital',
  }),
  ...list('Mt=Mount|Ft=Fort|Pt=Point', { before: 'capital' }),
  ...list('No=number|no=number|Nos=numbers|nos=numbers|p=page|pp=pages|Fig=Figure|fig=figure|Figs=Figures|Eq=Equation|eq=equation', {
    before: 'digit',
  }),
  ...list(
    'Ch=Chapter|ch=chapter|Vol=Volume|vol=volume|Sec=Section|sec=section|Art=Article|art=article|Pt=Part|Ex=Example|Rm=Room|Apt=Apartment',
    { before: 'digit' },
  ),
  ...list('ca=circa|c=circa', { before: 'digit' }),
  ...list('etc=etcetera|Jr=Junior|Sr=Senior|Inc=Incorporated|Ltd=Limited|Corp=Corporation|Co=Company|Bros=Brothers|al=al', {
    final: true,
  }),
  ...list('Ave=Avenue|Blvd=Boulevard|Rd=Road|Hwy=Highway|Pkwy=Parkway|Ln=Lane|dept=department|Dept=Department|Univ=University', {
    final: true,
  }),
  ...list('Assn=Association|Assoc=Association|Intl=International|Govt=Government|govt=government|Mfg=Manufacturing', { final: true }),
  ...list(
    'misc=miscellaneous|max=maximum|min=minimum|avg=average|est=established|ed=edited|eds=editors|trans=translated|temp=temperature',
    {
      before: 'more',
    },
  ),
  ...list('ref=reference|ext=extension|Ext=Extension|tel=telephone|feat=featuring|esp=especially', { before: 'more' }),
  ...list(
    'approx=approximately|Approx=Approximately|Est=Established|incl=including|excl=excluding|cf=compare|viz=namely|Tel=Telephone',
    {},
  ),
  ...list('vs=versus|Vs=Versus|v=versus|eg=for example|ie=that is|Misc=Miscellaneous', {}),
  ...list('hrs=hours|hr=hour|mins=minutes|yrs=years|lbs=pounds|oz=ounces', { final: true }),
  'Ph.D': { say: 'P H D', final: true },
  'e.g': { say: 'for example' },
  'i.e': { say: 'that is' },
  'a.k.a': { say: 'also known as' },
  'et al': { say: 'et al', final: true },
}

/** Abbreviations with a slash. */
export const SLASHED: Readonly<Record<string, string>> = {
  'w/o': 'without',
  'w/': 'with',
  'b/c': 'because',
  'n/a': 'not applicable',
  'c/o': 'care of',
  'a/c': 'A C',
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '))

/** Capitals that are said as a word although a rule would spell them, with their respelling if espeak needs one. */
export const SAID_AS_WORDS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    'OPEC AIDS SIM RAM ROM GIF LAN WAN PIN VIP NAFTA UEFA FIFA COVID ASCII SARS HIV RIP ZIP BASIC FOMO YOLO'
      .split(' ')
      .map(word => [word, word.toLowerCase()]),
  ),
  HIV: 'H I V',
  VIP: 'V I P',
  RIP: 'R I P',
  OK: 'okay',
  JSON: 'jason',
  JPEG: 'jay peg',
  MPEG: 'em peg',
  YAML: 'yammel',
  IEEE: 'I triple E',
  NAACP: 'N double A C P',
  AAA: 'triple A',
  WYSIWYG: 'wizzywig',
  CRUD: 'crud',
  ASAP: 'A S A P',
}

/** Pronounceable capitals of four letters or more that are spelled all the same. */
export const SPELLED = set(
  'UCLA AARP USDA USAF IAEA ACLU AFAIK OAUTH ISBN UUID GUID USSR HVAC LGBTQ YMCA YWCA AOL EULA CEO CFO CTO COO EPA IPA IRA IRS ETA IOS ASMR IPO UAE',
)

/** English words of two and three letters, which capitals do not make acronyms. */
export const SHORT_WORDS = set(
  'no go so my me we he oh if is as at be by do in of on or to up an hi ah ha ow ox the and for are but not you all any can had her was one our out day get has him his how man new now old see two way who boy did let put say she too use dad mom yes yet top big bad bed box buy car cat cut dog eat end far few fun god got guy hot job lot low may nor off own pay run sad set sit six ten try war why win won wow red sun sky bus fly ago air arm art ask bar bit cup due ear egg eye fat fit fix gas hit ice ill its key kid lay led leg lie map mix net nut oil pen pet pop raw row sea sex son tax tea tie tip toy van via wet wine yep nah hey aha huh mum sir zoo joy fan fee fog gun hat hug jam jaw jet joy law lip mud nap odd pan pig pot ray rib rob rub rug sum tap ton tub wax web',
)

/** Names after which a Roman numeral is "the Nth". */
export const REGNAL_NAMES = set(
  'Henry Louis Edward George Elizabeth William Richard Charles James Pius John Paul Benedict Leo Gregory Clement Innocent Urban Alexander Nicholas Catherine Peter Frederick Philip Felipe Ferdinand Napoleon Wilhelm Ivan Mary Margrethe Gustav Christian Haakon Leopold Albert Otto Ramesses Ramses Ptolemy Cleopatra Darius Xerxes Artaxerxes Mehmed Murad Selim Juan Carlos Umberto Victor Emmanuel Alfonso Robert Malcolm Sixtus Boniface Celestine Stephen Adrian Julius Theodosius Constantine Justinian Francis Joseph Baldwin Kamehameha Rama Akbar',
)
/** Nouns after which a Roman numeral, even a single letter, is a number. */
export const NUMBERED_NOUNS = set(
  'chapter part volume vol book act scene section article appendix war type phase class level stage grade figure table title psalm canto verse lesson unit module episode season bowl mark apollo saturn gemini version fantasy factor group category corps division legion',
)

/** Signs that are named. Others fall silent. */
export const SIGN_NAMES: Readonly<Record<string, string>> = {
  '&': 'and',
  '+': 'plus',
  '=': 'equals',
  '≠': 'is not equal to',
  '×': 'times',
  '÷': 'divided by',
  '<': 'less than',
  '>': 'greater than',
  '≤': 'is at most',
  '≥': 'is at least',
  '≈': 'is about',
  '±': 'plus or minus',
  '%': 'percent',
  '@': 'at',
  '°': 'degrees',
  '√': 'square root of',
  '∞': 'infinity',
  '€': 'euros',
  '£': 'pounds',
  '¥': 'yen',
  '¢': 'cents',
  '§': 'section',
  '¶': 'paragraph',
  '→': 'to',
  '∑': 'sum',
  '∆': 'delta',
}

/** Greek letters, which formulas use, by name. */
export const GREEK_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  'α=alpha β=beta γ=gamma δ=delta ε=epsilon ζ=zeta η=eta θ=theta ι=iota κ=kappa λ=lambda µ=mu ν=nu ξ=xi ο=omicron π=pi ρ=rho σ=sigma ς=sigma τ=tau υ=upsilon φ=phi χ=chi ψ=psi ω=omega Ω=omega'
    .split(' ')
    .map(entry => entry.split('=')),
)

/** Last parts of host and file names that make a dotted word one. */
export const DOMAINS = 'com|org|net|edu|gov|io|ai|dev|app|co|uk|us|de|fr|eu|info|me|tv|ly|gg|xyz|ca|au|ch|nl|in|jp'
export const FILE_TYPES =
  'js|ts|mjs|cjs|jsx|tsx|py|rs|go|java|cpp|json|md|txt|html?|css|pdf|csv|exe|zip|wav|mp3|mp4|png|jpe?g|gif|svg|xml|ya?ml|docx?|xlsx?|pptx?|sh|onnx|safetensors|tar|gz'
