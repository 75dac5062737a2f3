/** A status as lines for people. */

import type { Outlook, Status } from '../pipeline.ts'
import { bytesText, countOf, countText, elapsedText, timeText } from './number-text.ts'

export type StatusSetting = Readonly<{
  /** Of the process that answered; null when it was read from the disk. */
  url: string | null
  /** Whether a running process would have been found. */
  isFindable: boolean
  timezone: string
}>

const LABEL_WIDTH = 11

export function statusText(status: Status, setting: StatusSetting): string {
  const isRunning = setting.url !== null
  const lines: readonly (readonly [label: string, text: string | null])[] = [
    ['ledger', ledgerText(status)],
    ['others', othersText(status)],
    ['freshness', freshnessText(status, setting)],
    ['log', logText(status)],
    ['events', tableText(status.tables.events)],
    ['metrics', tableText(status.tables.metrics)],
    ['windows', windowsText(status, setting)],
    ['job', jobText(status)],
    ['checkpoint', checkpointText(status)],
    ['disk', diskText(status.outlook)],
    ['clock', clockText(status.outlook, setting)],
    ['clicks', clicksText(status)],
    ['repeats', isRunning ? repeatsText(status) : null],
    ['memory', isRunning ? bytesText(status.memory.rssBytes) : null],
    ...status.notices.map((notice) => ['notice', notice] as const),
    ...status.problems.map((problem) => ['problem', problem] as const),
  ]
  const shown = lines.filter(([, text]) => text !== null)
  const body = shown.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}\n`).join('')
  return `${heading(status, setting)}\n${body}`
}

function heading(status: Status, { url, isFindable }: StatusSetting): string {
  const health = status.healthy ? 'healthy' : 'NOT healthy'
  if (url !== null) {
    return `Running at ${url}: ${health}${status.state === 'running' ? '' : `, ${status.state}`}`
  }
  const why = isFindable
    ? 'Nothing is running here'
    : '`listen` has port 0: a running process is found by --url only'
  return `${why}; this is what stands on the disk: ${health}`
}

function ledgerText({ ledger }: Status): string {
  return (
    `${countText(ledger.received)} received = ${countText(ledger.stored)} stored + ` +
    `${countText(ledger.duplicates)} duplicates + ${countText(ledger.rejected)} rejected + ` +
    `${countText(ledger.waiting)} waiting`
  )
}

/** Nothing while no other program has changed a row. */
function othersText({ others }: Status): string | null {
  if (others === null) return null
  const { events, metrics } = others
  const parts = [
    [events.addedRows, 'added to', 'campaign_events'],
    [events.removedRows, 'removed from', 'campaign_events'],
    [metrics.addedRows, 'added to', 'campaign_metrics'],
    [metrics.removedRows, 'removed from', 'campaign_metrics'],
  ] as const
  const text = parts
    .filter(([rows]) => rows > 0)
    .map(([rows, what, table]) => `${countOf(rows, 'row')} ${what} ${table}`)
  return text.length === 0 ? null : `${text.join(', ')} by other programs`
}

function freshnessText({ freshness, ledger }: Status, setting: StatusSetting): string {
  const { committedUntilUs, lastCommitUs, secondsBehind } = freshness
  if (committedUntilUs === null) return 'no event has been committed yet'
  const last =
    lastCommitUs === null ? '' : `, last commit ${timeText(lastCommitUs, setting.timezone)}`
  if (ledger.waiting === 0) return `the tables hold everything${last}`
  return (
    `the tables hold what arrived until ${timeText(committedUntilUs, setting.timezone)}, ` +
    `${secondsBehind.toFixed(1)} s behind${last}`
  )
}

function logText({ log: { id, start, end, bytes } }: Status): string {
  const offsets = `${id}, offsets ${countText(start)} to ${countText(end)}`
  return bytes === undefined ? offsets : `${offsets}, ${bytesText(bytes)} on disk`
}

function tableText({ rows, files, bytes, snapshotId }: Status['tables']['events']): string {
  const snapshot = snapshotId === null ? 'no snapshot yet' : `snapshot ${snapshotId}`
  return `${countOf(rows, 'row')} in ${countOf(files, 'file')} (${bytesText(bytes)}), ${snapshot}`
}

/** Nothing of an engine that updates windows from their first event on. */
function windowsText({ windows }: Status, { timezone }: StatusSetting): string | null {
  if (windows === undefined) return null
  const { closed, closedUntilUs, amended, lateEvents, open } = windows
  const until = closedUntilUs === null ? '' : ` until ${timeText(closedUntilUs, timezone)}`
  const late = lateEvents === 0 ? '' : ` for ${countOf(lateEvents, 'late event')}`
  const more =
    open === undefined
      ? ''
      : `, ${countText(open.windows)} open with ${countOf(open.events, 'event')}`
  return `${countText(closed)} closed${until}, ${countText(amended)} amended${late}${more}`
}

/** Nothing of an engine in this process, or of a cluster that does not answer. */
function jobText({ job }: Status): string | null {
  if (job === undefined) return null
  if (job === null) return 'the cluster has no such job'
  const { id, state, restarts, watermarkLagSeconds } = job
  const parts = [
    `${id} is ${state}`,
    restarts === undefined ? null : countOf(restarts, 'restart'),
    watermarkLagSeconds === undefined
      ? null
      : `watermark ${elapsedText(watermarkLagSeconds * 1000)} behind`,
  ]
  return parts.filter((part) => part !== null).join(', ')
}

function checkpointText({ job }: Status): string | null {
  const { lastCheckpoint, checkpoints } = job ?? {}
  const parts = [
    lastCheckpoint === undefined
      ? null
      : `${lastCheckpoint.id} completed ${lastCheckpoint.ageSeconds.toFixed(1)} s ago in ` +
        `${(lastCheckpoint.durationMs / 1000).toFixed(1)} s, ${bytesText(lastCheckpoint.bytes)}`,
    checkpoints === undefined
      ? null
      : `${countText(checkpoints.completed)} completed and ${countText(checkpoints.failed)} failed`,
  ].filter((part) => part !== null)
  return parts.length === 0 ? null : parts.join('; ')
}

function clockText({ clockSteps }: Outlook, { timezone }: StatusSetting): string | null {
  if (clockSteps.length === 0) return null
  const steps = clockSteps.map(({ atUs, byMs }) => {
    const by = `${byMs < 0 ? 'back' : 'ahead'} by ${elapsedText(Math.abs(byMs))}`
    return `${by} to ${timeText(atUs, timezone)}`
  })
  return (
    `set ${steps.join('; ')} (or the machine was suspended); nothing is dropped within an hour ` +
    'after it'
  )
}

function diskText({ disk }: Outlook): string | null {
  if (disk === null) return null
  const { freeBytes, bytesPerDay, daysLeft } = disk
  const free = `${bytesText(freeBytes)} free`
  if (bytesPerDay === null)
    return `${free}; how long it lasts is known an hour after the first event`
  const rate = `at the rate of the last day, ${bytesText(bytesPerDay)} a day`
  return daysLeft === null
    ? `${free}, nothing added in the last day`
    : `${free}: lasts ${countOf(daysLeft, 'day')} ${rate}`
}

/** Nothing while every click that was redirected was durable before. */
function clicksText({ clicksUnstored }: Status): string | null {
  if (clicksUnstored === null || clicksUnstored === 0) return null
  return `${countText(clicksUnstored)} clicks-unstored since the start: redirected before durable`
}

function repeatsText({ dedupe }: Status): string {
  const recognised = elapsedText(dedupe.trueHorizonMs)
  const asked = elapsedText(dedupe.horizonMs)
  const { ids, bytes } = dedupe
  const held =
    ids === undefined
      ? ''
      : bytes === undefined
        ? `; about ${countOf(ids, 'id')}`
        : `; ${countOf(ids, 'id')} in ${bytesText(bytes)}`
  return `recognised for ${recognised} at least (dedupe.horizon is ${asked})${held}`
}
