import { rows, table } from './table.ts'

/** How an abbreviation with its dot is read in one kind of place. */
export interface Abbreviation {
  readonly say: string
  /** Only before a digit (`No. 5`), a capital (`Gen. Lee`), or anything but a new sentence (`max. 5`): some are ordinary words, too. */
  readonly before?: 'digit' | 'capital' | 'more'
  /** Only after text that ends so. */
  readonly after?: RegExp
  /** May be the last word of a sentence, whose full stop is then the same dot. */
  readonly final?: true
  /** Also without a dot, in this capitalization (British `Mr`). */
  readonly dotless?: true
}

const list = (entries: string, rest: Omit<Abbreviation, 'say'>) => rows(entries).map(([short, say]) => [short, [{ say, ...rest }]] as const)
const capital = { before: 'capital' } as const
const digit = { before: 'digit' } as const
const more = { before: 'more' } as const
const final = { final: true } as const

/** Abbreviations as they are written before the dot → readings, of which the first that fits the place wins. `St` and `Dr` are read in `streets.ts`. */
export const ABBREVIATIONS = table<readonly Abbreviation[]>(
  list('Mr=Mister|Mrs=Missus|Ms=Mizz|Mx=Mix|Prof=Professor|Messrs=Messers|Mme=Madame|Mlle=Mademoiselle', { dotless: true }),
  list('Col=Colonel|Capt=Captain|Lt=Lieutenant|Sgt=Sergeant|Cpl=Corporal|Maj=Major|Cmdr=Commander|Adm=Admiral|Pvt=Private', capital),
  list('Ofc=Officer|Det=Detective|Gov=Governor|Sen=Senator|Rep=Representative|Pres=President|Rev=Reverend|Hon=Honorable', capital),
  list('Fr=Father|Supt=Superintendent|Asst=Assistant|Amb=Ambassador|Brig=Brigadier|Cdr=Commander|Insp=Inspector|Msgr=Monsignor', capital),
  list('Sra=Senora|Srta=Senorita|Treas=Treasurer|Wm=William|Chas=Charles|Geo=George|Thos=Thomas|Jas=James', capital),
  list(
    'Robt=Robert|Fed=Federal|Cmte=Committee|Comm=Commissioner|Pfc=Private First Class|Spc=Specialist|Edw=Edward|Mt=Mount|Natl=National|Intl=International|Lieut=Lieutenant|Comdr=Commander|Atty=Attorney',
    capital,
  ),
  list('No=number|Nos=numbers|p=page|pg=page|pgs=pages|Fig=figure|Figs=figures|Eq=equation|Eqs=equations|Ch=chapter|Vol=volume', digit),
  list(
    'Vols=volumes|Secs=sections|Arts=articles|Ex=example|Rm=room|Apt=apartment|Ste=suite|Op=opus|ca=circa|Arr=arrival|pop=population|Ep=episode|Eps=episodes|Lvl=level|Prop=proposition|elev=elevation|alt=altitude',
    digit,
  ),
  list('Tbl=table|para=paragraph|paras=paragraphs|ll=lines|fn=footnote|Rte=route|Rt=route|Ver=version', digit),
  list(
    'etc=etcetera|Jr=Junior|Inc=Incorporated|Ltd=Limited|Corp=Corporation|Co=Company|Bros=Brothers|al=al|Esq=Esquire|Div=Division|Sts=Streets|Aves=Avenues|Acct=account|Accts=accounts|Amt=amount|ea=each|Ctr=Center|Twp=Township|Svcs=Services|qtr=quarter',
    final,
  ),
  list('Ave=Avenue|Blvd=Boulevard|Rd=Road|Hwy=Highway|Pkwy=Parkway|Ln=Lane|Ct=Court|Pl=Place|Sq=Square|Expy=Expressway', final),
  list('Expwy=Expressway|Ter=Terrace|Cir=Circle|Fwy=Freeway|Tpke=Turnpike|Hts=Heights|Bldg=Building|Fl=Floor|Dept=Department', final),
  list(
    'Univ=University|Hosp=Hospital|Assn=Association|Assoc=Association|Govt=government|Mfg=manufacturing|Attn=attention|Attys=attorneys',
    final,
  ),
  list('Misc=miscellaneous|hrs=hours|hr=hour|mins=minutes|yrs=years|yr=year|lbs=pounds|oz=ounces|tbsp=tablespoon|tsp=teaspoon', final),
  list('qty=quantity|wk=week|wks=weeks|mo=month|mos=months|appt=appointment|assoc=associate|Mgmt=management|Mgr=manager', final),
  list('max=maximum|min=minimum|avg=average|eds=editors|trans=translated|temp=temperature|temps=temperatures|dist=distance', more),
  list('ext=extension|tel=telephone|esp=especially|adj=adjective|orig=original|prev=previous|addl=additional', more),
  list(
    'Ref=reference|Refs=references|Ph=phone|inst=institute|dir=directed|prod=produced|rev=revised|resp=respectively|attrib=attributed',
    more,
  ),
  list('feat=featuring|approx=approximately|incl=including|excl=excluding|cf=compare|viz=namely|vs=versus|eg=for example|ie=that is', {}),
  list('e.g=for example|i.e=that is|a.k.a=also known as', {}),
  list('Ph.D=P H D|et al=et al', final),
  [
    [
      'Gen',
      [
        { say: 'Genesis', ...digit },
        { say: 'General', ...capital },
      ],
    ],
    [
      'Sec',
      [
        { say: 'section', ...digit },
        { say: 'Secretary', ...capital },
      ],
    ],
    [
      'Dep',
      [
        { say: 'departure', ...digit },
        { say: 'Deputy', ...capital },
      ],
    ],
    [
      'c',
      [
        { say: 'century', final: true, after: /\d(?:st|nd|rd|th) $/ },
        { say: 'cup', after: /(?:^|[^\d/.])1 $|(?:\d\/\d|^[¼½¾⅓⅔]|[^\d][¼½¾⅓⅔]) $/ },
        { say: 'cups', after: /\d ?[¼½¾⅓⅔]? $/, before: 'more' },
        { say: 'circa', ...digit },
      ],
    ],
    ['v', [{ say: 'versus', after: /[^-–—/\\]$/ }]], // and not the option -v
    ['b', [{ say: 'born', ...digit, after: /(?:^|[(,;] ?)$/ }]],
    ['d', [{ say: 'died', ...digit, after: /(?:^|[(,;] ?)$/ }]],
    ['cor', [{ say: 'corner', ...more, after: /(?:^|[^\p{L}])(?:the |at )?$/u }]],
    ['lg', [{ say: 'large', ...more, after: /\d $|^$/ }]],
    ['sm', [{ say: 'small', ...more, after: /\d $|^$/ }]],
    ['pkg', [{ say: 'package', final: true }]],
    ['pkgs', [{ say: 'packages', final: true }]],
    [
      'pp',
      [
        { say: 'pages', ...digit },
        { say: 'pages', final: true, after: /\d $/ },
      ],
    ],
    ['Art', [{ say: 'article', ...digit }]],
    ['Sr', [{ say: 'Senior', final: true }]],
    ['Ft', [{ say: 'Fort', ...capital }]],
    ['ft', [{ say: 'featuring', ...capital, after: /[^\d\s]\s?$|^$/ }]],
    [
      'Pt',
      [
        { say: 'part', ...digit },
        { say: 'Point', ...capital },
      ],
    ],
    [
      'Est',
      [
        { say: 'established', ...digit },
        { say: 'estimated', ...more },
      ],
    ],
    [
      'ed',
      [
        { say: 'edition', final: true, after: /\d(?:st|nd|rd|th) $/ },
        { say: 'edited', ...more },
      ],
    ],
    ['Ed', [{ say: 'editor', before: 'more' }]],
    ['exp', [{ say: 'experience', final: true, after: /(?:yrs?\.?|years?)(?: of)? $/i }]],
  ],
)

/** The readings of an abbreviation, written as in a sentence or with a capital at its start. */
export const abbreviationOf = (written: string): readonly Abbreviation[] | undefined =>
  ABBREVIATIONS.get(written) ??
  (written.length === 1
    ? undefined
    : (ABBREVIATIONS.get(written.toLowerCase()) ??
      (/^\p{Ll}/u.test(written) ? ABBREVIATIONS.get(written[0]?.toUpperCase() + written.slice(1)) : undefined)))

/** Whether a title, which stands before a name and never ends a sentence: Mr, Prof. */
export const isTitle = (word: string) => word === 'Dr' || abbreviationOf(word)?.[0]?.dotless === true
