import { rows, table } from './table.ts'

const regular = (words: string, separator = ' ') => rows(words, separator).map(([unit, one]) => [unit, [one, `${one}s`]] as const)

/** Unit sign → one, many; `attached` units are letters too common to be read as units unless they touch the number. */
export const UNITS = table<readonly string[]>(
  regular(
    'km=kilometer m=meter cm=centimeter mm=millimeter nm=nanometer µm=micrometer mi=mile yd=yard kg=kilogram g=gram mg=milligram µg=microgram',
  ),
  regular('oz=ounce lb=pound lbs=pound ml=milliliter mL=milliliter l=liter L=liter cl=centiliter gal=gallon tsp=teaspoon tbsp=tablespoon'),
  regular('hr=hour hrs=hour min=minute mins=minute sec=second secs=second ms=millisecond ns=nanosecond yr=year yrs=year'),
  regular(
    'KB=kilobyte kB=kilobyte MB=megabyte GB=gigabyte TB=terabyte PB=petabyte KiB=kibibyte MiB=mebibyte GiB=gibibyte Mb=megabit Gb=gigabit',
  ),
  regular('W=watt kW=kilowatt MW=megawatt GW=gigawatt V=volt kV=kilovolt mV=millivolt mA=milliamp kJ=kilojoule kPa=kilopascal dB=decibel'),
  regular('cal=calorie kcal=kilocalorie px=pixel cc=c.c. ha=hectare Ω=ohm kΩ=kilohm'),
  regular(
    'kWh=kilowatt hour|Wh=watt hour|MWh=megawatt hour|mAh=milliamp hour|km²=square kilometer|m²=square meter|cm²=square centimeter',
    '|',
  ),
  regular(
    'm³=cubic meter|cm³=cubic centimeter|km2=square kilometer|m2=square meter|m3=cubic meter|sq mi=square mile|sq m=square meter',
    '|',
  ),
  [
    ['ft', ['foot', 'feet']],
    ['sq ft', ['square foot', 'square feet']],
    ['in', ['inch', 'inches', 'attached']],
    ['s', ['second', 'seconds', 'attached']],
    ['h', ['hour', 'hours']],
    ['t', ['ton', 'tons', 'attached']],
    ['Hz', ['hertz', 'hertz']],
    ['kHz', ['kilohertz', 'kilohertz']],
    ['MHz', ['megahertz', 'megahertz']],
    ['GHz', ['gigahertz', 'gigahertz']],
    ['mph', ['mile per hour', 'miles per hour']],
    ['kph', ['kilometer per hour', 'kilometers per hour']],
    ['km/h', ['kilometer per hour', 'kilometers per hour']],
    ['m/s', ['meter per second', 'meters per second']],
    ['m/s²', ['meter per second squared', 'meters per second squared']],
    ['rpm', ['R P M', 'R P M']],
    ['bpm', ['beat per minute', 'beats per minute']],
    ['fps', ['frame per second', 'frames per second']],
    ['dpi', ['dot per inch', 'dots per inch']],
    ['psi', ['P S I', 'P S I']],
    ['kbps', ['kilobit per second', 'kilobits per second']],
    ['Mbps', ['megabit per second', 'megabits per second']],
    ['Gbps', ['gigabit per second', 'gigabits per second']],
    ['kbit/s', ['kilobit per second', 'kilobits per second']],
    ['Mbit/s', ['megabit per second', 'megabits per second']],
    ['MB/s', ['megabyte per second', 'megabytes per second']],
    ['GB/s', ['gigabyte per second', 'gigabytes per second']],
    ['°C', ['degree Celsius', 'degrees Celsius']],
    ['°F', ['degree Fahrenheit', 'degrees Fahrenheit']],
    ['° C', ['degree Celsius', 'degrees Celsius']],
    ['° F', ['degree Fahrenheit', 'degrees Fahrenheit']],
    ['°', ['degree', 'degrees']],
    ['‰', ['per mille', 'per mille']],
  ],
)
