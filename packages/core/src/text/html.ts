const NAMES =
  'a|abbr|address|article|aside|audio|b|bdi|bdo|big|blockquote|body|br|button|canvas|caption|center|cite|code|col|colgroup|data|datalist|dd|del|details|dfn|dialog|div|dl|dt|em|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|menu|meta|meter|nav|noscript|ol|optgroup|option|output|p|picture|pre|progress|q|rp|rt|ruby|s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr'
/** An attribute with a value, or one of the few that have none: `<b and c>` is no tag. */
const ATTRIBUTE =
  '\\s{1,9}(?:[A-Za-z][\\w:.-]{0,40}\\s?=\\s?(?:"[^"<>]{0,400}"|\'[^\'<>]{0,400}\'|[^\\s"\'<>=]{1,200})|(?:checked|disabled|hidden|required|readonly|selected|multiple|async|defer|controls|autoplay|loop|muted|open|novalidate|autofocus|reversed))'

/** An HTML tag or comment. Only the names of HTML are tags: `<Ctrl>`, `List<String>` and `a<b` are text. */
export const HTML_TAG = new RegExp(
  `</?(?:${NAMES})(?:${ATTRIBUTE}){0,20}\\s{0,9}/?>|<!--(?:[^-]|-(?!->)){0,2000}-->|<!DOCTYPE[^<>]{0,100}>`,
  'iy',
)
