import { table } from './table.ts'

/** Months by calendar order. */
export const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** Pattern of the abbreviated days of the week. */
export const SHORT_DAYS = 'Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun'

/** Month names and abbreviations → full name. */
export const MONTH_NAMES = table<string>(
  MONTHS.map(month => [month, month] as const),
  MONTHS.filter(month => month !== 'May').map(month => [month.slice(0, 3), month] as const),
  [['Sept', 'September']],
)
