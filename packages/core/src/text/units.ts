import { END, sticky } from './rules.ts'
import { anyOf, rows, table } from './table.ts'

interface Unit {
  readonly one: string
  readonly many: string
  /** A letter or word too common to be a unit unless it touches the number, or ends in a dot. */
  readonly attached?: true
}

const regular = (text: string) => rows(text).map(([sign, one]) => [sign, { one, many: `${one}s` }] as const)
const same = (text: string) => rows(text).map(([sign, one]) => [sign, { one, many: one }] as const)
const irregular = (text: string) => rows(text).map(([sign, both]) => [sign, pair(both)] as const)
const attached = (text: string) => rows(text).map(([sign, both]) => [sign, { ...pair(both), attached: true as const }] as const)

function pair(both: string): Unit {
  const [one = '', many = `${one}s`] = both.split(',')
  return { one, many }
}

/** Unit signs; exponents and "per" are composed, not listed. */
const UNITS = table<Unit>(
  regular('km=kilometer|m=meter|cm=centimeter|dm=decimeter|mm=millimeter|nm=nanometer|µm=micrometer|mi=mile|yd=yard|yds=yard'),
  regular('kg=kilogram|kgs=kilogram|g=gram|mg=milligram|mcg=microgram|µg=microgram|ug=microgram|oz=ounce|lb=pound|lbs=pound'),
  regular('ml=milliliter|mL=milliliter|l=liter|L=liter|cl=centiliter|cL=centiliter|dl=deciliter|dL=deciliter|µL=microliter|µl=microliter'),
  regular(
    'gal=gallon|gals=gallon|qt=quart|qts=quart|pt=pint|tsp=teaspoon|tsps=teaspoon|tbsp=tablespoon|tbsps=tablespoon|fl oz=fluid ounce',
  ),
  regular(
    'fl. oz=fluid ounce|bbl=barrel|bu=bushel|ct=carat|kt=knot|kts=knot|kn=knot|ly=light year|au=astronomical unit|AU=astronomical unit',
  ),
  regular('hr=hour|hrs=hour|min=minute|mins=minute|sec=second|secs=second|ms=millisecond|µs=microsecond|ns=nanosecond|yr=year'),
  regular('pts=point|yrs=year|mo=month|mos=month|wk=week|wks=week|h=hour'),
  regular('KB=kilobyte|kB=kilobyte|MB=megabyte|GB=gigabyte|TB=terabyte|PB=petabyte|KiB=kibibyte|MiB=mebibyte|GiB=gibibyte|TiB=tebibyte'),
  regular('Mb=megabit|Gb=gigabit|kb=kilobit|kbit=kilobit|Mbit=megabit|Gbit=gigabit|MP=megapixel|Mpx=megapixel|px=pixel'),
  regular('W=watt|kW=kilowatt|MW=megawatt|GW=gigawatt|TW=terawatt|mW=milliwatt|V=volt|kV=kilovolt|mV=millivolt|mA=milliamp|µA=microamp'),
  regular('kJ=kilojoule|MJ=megajoule|Pa=pascal|kPa=kilopascal|hPa=hectopascal|MPa=megapascal|GPa=gigapascal|mbar=millibar|dB=decibel'),
  regular('dBA=A-weighted decibel|cal=calorie|kcal=kilocalorie|cc=c.c.|ha=hectare|Ω=ohm|kΩ=kilohm|MΩ=megohm|mol=mole|mmol=millimole'),
  regular('µmol=micromole|nmol=nanomole|mEq=milliequivalent|IU=international unit|kWh=kilowatt hour|Wh=watt hour|MWh=megawatt hour'),
  regular('GWh=gigawatt hour|TWh=terawatt hour|mAh=milliamp hour|Ah=amp hour|Nm=newton meter|kN=kilonewton|µF=microfarad|nF=nanofarad'),
  regular('pF=picofarad|mH=millihenry|eV=electron volt|keV=kiloelectron volt|MeV=megaelectron volt|GeV=gigaelectron volt|mSv=millisievert'),
  regular('sq mi=square mile|sq m=square meter|sq km=square kilometer|sq yd=square yard|sq. mi=square mile|sq. m=square meter'),
  regular('sq. km=square kilometer|sq. yd=square yard|cu m=cubic meter|cu yd=cubic yard|nmi=nautical mile|rad=radian|arcsec=arcsecond'),
  irregular(
    'ft=foot,feet|sq ft=square foot,square feet|sq. ft=square foot,square feet|sqft=square foot,square feet|cu ft=cubic foot,cubic feet',
  ),
  irregular('cu. ft=cubic foot,cubic feet|cu in=cubic inch,cubic inches|sq in=square inch,square inches|sq. in=square inch,square inches'),
  irregular('lx=lux,lux|mmHg=millimeter of mercury,millimeters of mercury|ppm=part per million,parts per million'),
  irregular('ppb=part per billion,parts per billion|mph=mile per hour,miles per hour|kph=kilometer per hour,kilometers per hour'),
  irregular('mpg=mile per gallon,miles per gallon|bpm=beat per minute,beats per minute|fps=frame per second,frames per second'),
  irregular('dpi=dot per inch,dots per inch|ppi=pixel per inch,pixels per inch|kbps=kilobit per second,kilobits per second'),
  irregular('bps=bit per second,bits per second|Mbps=megabit per second,megabits per second|Gbps=gigabit per second,gigabits per second'),
  irregular('MBps=megabyte per second,megabytes per second|cfm=cubic foot per minute,cubic feet per minute|ft-lb=foot pound,foot pounds'),
  irregular('°C=degree Celsius,degrees Celsius|°F=degree Fahrenheit,degrees Fahrenheit|° C=degree Celsius,degrees Celsius'),
  irregular('° F=degree Fahrenheit,degrees Fahrenheit|°=degree,degrees|deg=degree,degrees'),
  same(
    'Hz=hertz|kHz=kilohertz|MHz=megahertz|GHz=gigahertz|THz=terahertz|hp=horsepower|bhp=brake horsepower|rpm=R P M|psi=P S I|‰=per mille',
  ),
  attached('in=inch,inches|s=second|t=ton'),
)
/** The same in capitals: `KM/H`, `60 MPH`, `10 LBS`; only what means nothing else so. */
const CAPITALS = table<Unit>(
  'km cm mm kg lb lbs oz ft mph kph mpg hr hrs min mins sec ml gal rpm psi hp yds fps bpm kwh'
    .split(' ')
    .map(sign => [sign.toUpperCase(), UNITS.get(sign) ?? UNITS.get('kWh')] as [string, Unit])
    .filter(([sign]) => !UNITS.has(sign)),
)

/** What may stand behind "/": units, and words that no amount has as its unit. */
const PERIODS = table<string>(
  rows(
    'mo=month|month=month|hr=hour|hour=hour|h=hour|H=hour|day=day|d=day|wk=week|week=week|yr=year|year=year|y=year|annum=annum|night=night',
  ),
  rows(
    'min=minute|minute=minute|sec=second|second=second|s=second|qtr=quarter|quarter=quarter|person=person|pp=person|user=user|seat=seat',
  ),
  rows('unit=unit|piece=piece|pc=piece|pcs=piece|item=item|page=page|word=word|mile=mile|visit=visit|ticket=ticket|bag=bag|share=share'),
  rows(
    'head=head|dose=dose|serving=serving|session=session|team=team|room=room|car=car|child=child|adult=adult|household=household|capita=capita',
  ),
  rows(
    'kilo=kilo|pound=pound|ounce=ounce|gallon=gallon|liter=liter|litre=liter|meter=meter|metre=meter|foot=foot|inch=inch|cell=cell|in=inch',
  ),
  rows(
    'lesson=lesson|class=class|game=game|trip=trip|ride=ride|call=call|request=request|token=token|copy=copy|box=box|pack=pack|case=case',
  ),
)

const UNIT = `(${anyOf([...UNITS.keys(), ...CAPITALS.keys()])})`
const EXPONENT = '(?:\\^?([23])(?![.\\d])|([²³]))?'
const UNIT_AT = sticky(`${UNIT}${EXPONENT}`)
const PER_AT = sticky(`\\s?/\\s?(?:${UNIT}${EXPONENT}${END}|(${anyOf(PERIODS.keys())})${END})`)
const ANY_WORD_AT = sticky(`/([a-z]{3,20})${END}(?!/)`)
const ENDS = sticky(END)
const POWERS = table<string>(rows('2=square|3=cubic|²=square|³=cubic'))

/** A unit with its exponent and what it is "per". */
export interface UnitReading {
  readonly one: string
  readonly many: string
  readonly attached: boolean
  /** Characters read. */
  readonly length: number
}

const find = (sign: string) => (UNITS.get(sign) ?? CAPITALS.get(sign)) as Unit

function withExponent(unit: Unit, power: string | undefined, divides: boolean): Unit {
  if (!power) return unit
  const name = POWERS.get(power) as string
  const squared = name === 'square' ? 'squared' : 'cubed'
  return divides && /second|minute|hour/.test(unit.one)
    ? { one: `${unit.one} ${squared}`, many: `${unit.many} ${squared}` }
    : { one: `${name} ${unit.one}`, many: `${name} ${unit.many}` }
}

/** Reads the unit that begins at `at`: `km`, `m²`, `mg/kg/day`, `m/s^2`; undefined if there is none. */
export function readUnit(text: string, at: number): UnitReading | undefined {
  UNIT_AT.lastIndex = at
  const match = UNIT_AT.exec(text)
  if (!match) return undefined
  const unit = find(match[1] as string)
  const own = withExponent(unit, match[2] ?? match[3], false)
  const per = readPer(text, at + match[0].length, true)
  const length = match[0].length + per.length
  ENDS.lastIndex = at + length
  if (!ENDS.test(text)) return undefined
  return { one: own.one + per.text, many: own.many + per.text, attached: unit.attached === true && per.length === 0, length }
}

/** Reads what an amount is per, at most twice: `/kg/day` → " per kilogram per day"; with `anyWord` any noun may follow the slash, as after money. */
export function readPer(text: string, at: number, anyWord = false): { text: string; length: number } {
  let [words, end] = ['', at]
  for (let count = 0; count < 2; count++) {
    PER_AT.lastIndex = end
    ANY_WORD_AT.lastIndex = end
    const match = PER_AT.exec(text)
    const word = match ? undefined : anyWord ? ANY_WORD_AT.exec(text) : null
    if (match) {
      const period = match[4] ?? (PERIODS.has(match[1] as string) && !match[2] && !match[3] ? match[1] : undefined)
      words += ` per ${period ? PERIODS.get(period) : withExponent(find(match[1] as string), match[2] ?? match[3], true).one}`
      end += match[0].length
    } else if (word) {
      words += ` per ${word[1]}`
      end += word[0].length
    } else break
  }
  return { text: words, length: end - at }
}
