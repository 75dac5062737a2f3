/**
 * What a reader sees for a campaign's id, or for another value that events bring along. Ids are any text, so one that
 * would show as nothing is described instead.
 */

/** Nothing but what leaves no ink: spaces, controls, format characters, the empty Braille pattern. */
const INVISIBLE = /^[\p{White_Space}\p{C}\p{Default_Ignorable_Code_Point}\u2800]*$/u
const CODES_MAX = 4

export function campaignText(campaign: string): string {
  return INVISIBLE.test(campaign) ? `(invisible: ${codesOf(campaign)})` : campaign
}

/** An empty value stands for events that do not say it. */
export function valueText(value: string): string {
  return value === '' ? 'Not set' : campaignText(value)
}

function codesOf(text: string): string {
  const codes = [...text].map((sign) => {
    const code = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase()
    return `U+${code.padStart(4, '0')}`
  })
  const shown = codes.slice(0, CODES_MAX).join(' ')
  return codes.length > CODES_MAX ? `${shown} …` : shown
}
