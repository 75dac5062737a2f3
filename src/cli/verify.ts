/**
 * `campaign-metrics verify`: recomputes every window from the raw table and prints those that
 * differ.
 */

import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Verification } from '../query.ts'
import { CliError, EXIT_CODE } from './error.ts'
import { openLakeSession } from './lake-session.ts'
import { countOf, countText, timeText } from './number-text.ts'
import { action, addConfigOption, type ConfigOption, configOf, type Finish } from './options.ts'
import { type Terminal, write } from './terminal.ts'

type VerifyOptions = ConfigOption & Readonly<{ json?: boolean }>
type Difference = Verification['differences'][number]

const DIFFERENCES_SHOWN = 50
const US_PER_MS = 1000

export function addVerify(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('verify')
    .description('recompute every window from the raw table; exit code 1 if one differs')
    .option('--json', 'print the result as JSON')
  addConfigOption(command).action(
    action(finish, (options: VerifyOptions) => verify(options, terminal)),
  )
}

async function verify(options: VerifyOptions, terminal: Terminal): Promise<number> {
  const config = configOf(options, terminal)
  const session = await openLakeSession(config)
  try {
    const found = await session.verify({
      horizonUs: config.dedupe.horizonMs * US_PER_MS,
      fromUs: await keptFromUs(config),
      differencesMax: DIFFERENCES_SHOWN,
    })
    const text = options.json === true ? jsonText(found) : verificationText(found, config.timezone)
    await write(terminal.stdout, text)
    return found.isEqual ? EXIT_CODE.ok : EXIT_CODE.negative
  } finally {
    await session.close()
  }
}

/**
 * The start of the first day that both tables keep whole; null when retention has dropped nothing.
 * Asked after the session was opened, so that a day which goes meanwhile is not compared. Refuses
 * windows of another size than the tables': every one of them would differ.
 */
async function keptFromUs(config: Config): Promise<number | null> {
  const { PROPERTY_KEYS, readLake, wholeFromUs, windowText } = await import('../table.ts')
  const { events } = await readLake(config)
  const filled = events.properties[PROPERTY_KEYS.window]
  const wanted = windowText(config.windowUs)
  if (filled !== undefined && filled !== wanted) {
    throw new CliError(
      'input',
      `the tables were filled with windows of ${filled}, the configuration says ${wanted}: set ` +
        '"window" back to verify them',
    )
  }
  return wholeFromUs(events)
}

/**
 * `isEqual` is null where there was nothing to compare: retention has dropped the events, or their
 * windows are still open.
 */
function jsonText(found: Verification): string {
  const reported = isNothingCompared(found) ? { ...found, isEqual: null } : found
  const plain = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? String(value) : value
  return `${JSON.stringify(reported, plain, 2)}\n`
}

function isNothingCompared(found: Verification): boolean {
  const { isEqual, windows, withoutEvents, openWindows } = found
  return isEqual && windows === 0 && (withoutEvents !== null || (openWindows?.events ?? 0) > 0)
}

function verificationText(found: Verification, timezone: string): string {
  const scope = `${countOf(found.windows, 'window')} over ${countOf(found.events, 'event')}`
  const rest = openWindowsText(found, timezone) + withoutEventsText(found)
  if (found.isEqual) {
    if (isNothingCompared(found)) return `no window was compared\n${rest}`
    const unplaced = found.repeatedIds.unplaced
    const note =
      unplaced === 0
        ? ''
        : ` (${countOf(unplaced, 'event id')} came again past the dedupe horizon, which ` +
          'counts as new)'
    return `${scope}: campaign_metrics equals the raw table${note}\n${rest}`
  }
  const hidden = found.differing - found.differences.length
  const { withinHorizon, examples } = found.repeatedIds
  return [
    ...found.differences.map((difference) => differenceText(difference, timezone)),
    ...(hidden > 0 ? [`… and ${countText(hidden)} more`] : []),
    ...(withinHorizon > 0
      ? [
          `${countOf(withinHorizon, 'event id')} stored twice within the dedupe horizon: ` +
            `${examples.map(quoted).join(', ')}`,
        ]
      : []),
    ...(found.unfitEvents > 0
      ? [`${countOf(found.unfitEvents, 'raw row')} that no accepted event can be`]
      : []),
    `${scope}: ${countText(found.differing)} differ`,
    rest,
  ].join('\n')
}

function openWindowsText({ openWindows }: Verification, timezone: string): string {
  if (openWindows === null || openWindows.events === 0) return ''
  const { events, fromUs } = openWindows
  const since = fromUs === null ? '' : `, from ${timeText(fromUs, timezone)} on`
  const are = events === 1 ? 'is' : 'are'
  return `${countOf(events, 'event')} ${are} in windows that have not closed yet${since}: not compared\n`
}

function withoutEventsText({ withoutEvents }: Verification): string {
  if (withoutEvents === null) return ''
  const { windows, beforeUs } = withoutEvents
  const day = new Date(beforeUs / US_PER_MS).toISOString().slice(0, 10)
  if (windows === 0)
    return `nothing before ${day} was compared: retention has dropped rows of earlier days\n`
  const stand = windows === 1 ? 'stands without its events' : 'stand without their events'
  return (
    `${countOf(windows, 'window')} before ${day} ${stand}, which retention has dropped: ` +
    'not compared\n'
  )
}

function differenceText(difference: Difference, timezone: string): string {
  const { campaignId, windowStartUs, kind, fields } = difference
  const when = windowStartUs === null ? 'no window' : timeText(windowStartUs, timezone)
  const what = fields.map(
    ({ name, expected, found }) => `${name} ${found ?? 'NULL'} instead of ${expected ?? 'NULL'}`,
  )
  return `${when}  ${quoted(campaignId)}  ${kind}: ${what.join(', ')}`
}

/** JSON's quotes make control characters harmless to a terminal. */
function quoted(text: string | null): string {
  return text === null ? 'NULL' : JSON.stringify(text)
}
