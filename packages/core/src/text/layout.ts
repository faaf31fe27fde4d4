import { HTML_TAG } from './html.ts'

/** Markdown and layout that only formats: links' addresses, code fences, emoticons, list markers, table bars, emphasis, headings, HTML tags. */
export const LAYOUT: readonly RegExp[] = [
  /(?<=^|\s)[:;=]['-]?[()DPp|/](?![\p{L}\p{N}])/uy,
  /\]\(<?[^\s()<>]{0,300}(?:\([^\s()]{0,100}\)[^\s()]{0,100})?>?(?:[ \t]{1,4}(?:"[^"\n]{0,200}"|'[^'\n]{0,200}'))?\)/y,
  /(?<=[^\s\d,])\]\[[^[\]\n]{0,60}\]/y,
  /(?<=\[)\^(?=[^[\]\n]{1,40}\])/y,
  /!(?=\[)/y,
  /`{3,20}[A-Za-z0-9+#-]{0,20}/y,
  HTML_TAG,
  /(?<=^|\n)[ \t]{0,8}(?:[-*+•]|#{1,6}|>)[ \t]{1,40}(?:\[[ xX]\][ \t])?/y,
  /(?<=^|\n)[ \t]{0,8}(?:[-*_=][ \t]?){3,80}(?=\n|$)/y,
]

/** A reference to a source: `[1]`, `[12, 13]`, `[3–5]`, `[note 2]`, `[citation needed]`. */
export const CITATION = /\[(?:(?:note |nb |\^)?\d{1,3}(?:(?:, ?| ?[–-] ?)\d{1,3}){0,9}|[a-z]|citation needed)\](?!\()/iy
