/**
 * Texts as a search compares them, on the server and on the page: letter case, accents and the
 * Unicode form (NFC, NFD, full width) make no difference. `MUNCHEN` finds `München`.
 */

/** Nonspacing marks: what canonical decomposition splits off a letter. */
const MARKS = /\p{Mn}/gu
/** Letters with a stroke or two letters in one, which no decomposition splits. */
const BASES: Readonly<Record<string, string>> = {
  Ø: 'O',
  Ł: 'L',
  Đ: 'D',
  Ħ: 'H',
  Æ: 'AE',
  Œ: 'OE',
}
const SPLIT = new RegExp(`[${Object.keys(BASES).join('')}]`, 'g')

/** Upper case, since it folds what lower case keeps apart: `ß` and `ss`, `ς` and `σ`, `ı` and `i`. */
export function searchText(text: string): string {
  // The second pass: upper case composes some letters with marks, such as ΐ.
  const upper = bare(bare(text).toUpperCase())
  return upper.replace(SPLIT, (letter) => BASES[letter] ?? letter)
}

function bare(text: string): string {
  return text.normalize('NFKD').replace(MARKS, '')
}
