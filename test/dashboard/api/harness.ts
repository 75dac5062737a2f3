/**
 * A dashboard on a real collector, its figures in our hands. Whatever is asked through `ask` is
 * held against the description.
 */
import type { MessagePort } from 'node:worker_threads'
import type { PipelineStatus } from '../../../src/dashboard/api/live-state.ts'
import { type DashboardOptions, openDashboardOn } from '../../../src/dashboard/open.ts'
import {
  ARRIVAL_US,
  type Harness,
  type HarnessOptions,
  openHarness,
} from '../../collect/harness.ts'
import { placesIn } from '../../support/places.ts'
import { createFakeFigures, type FakeFigures } from './fake-figures.ts'
import { expectDescribed } from './openapi.ts'

export type Reply = Readonly<{ status: number; headers: Headers; text: string }>

export type Shown = {
  readonly collector: Harness
  readonly figures: FakeFigures
  status: PipelineStatus
  /** The time of day, and the steady clock, which goes on by itself unless it is set. */
  nowUs: number
  readonly fed: MessagePort[]
  readonly warnings: string[]
  ask(path: string, options?: AskOptions): Promise<Reply>
  close(): Promise<void>
}

type AskOptions = Readonly<{ method?: string; headers?: Readonly<Record<string, string>> }>

export const HEALTHY: PipelineStatus = {
  stored: 3,
  committedAtUs: ARRIVAL_US - 600_000,
  waiting: 0,
  secondsBehind: 0,
  problems: [],
}

export async function openShown(
  collect: HarnessOptions = {},
  options: Partial<DashboardOptions> = {},
): Promise<Shown> {
  const figures = createFakeFigures()
  const shown = { status: HEALTHY, nowUs: ARRIVAL_US }
  const fed: MessagePort[] = []
  const warnings: string[] = []
  const dashboard = await openDashboardOn(
    {
      feed: (port) => fed.push(port),
      live: () => shown.status,
      ...placesIn('/nowhere'),
      windowUs: 300_000_000,
      timezone: 'Europe/Berlin',
      weekStart: 7,
      currency: 'EUR',
      campaignNames: null,
      version: '1.2.3',
      authRequired: (collect.keys?.read.length ?? 0) > 0,
      nowUs: () => shown.nowUs,
      nowMs: () => performance.now(),
      warn: (text) => warnings.push(text),
      ...options,
    },
    figures.start,
  )
  const collector = await openHarness({ ...collect, routes: dashboard.routes })
  return Object.assign(shown, {
    collector,
    figures,
    fed,
    warnings,
    async ask(path: string, { method = 'GET', headers = {} }: AskOptions = {}) {
      const response = await fetch(collector.url + path, { method, headers })
      const text = await response.text()
      const reply = { status: response.status, headers: response.headers, text }
      if (method !== 'HEAD' && path.startsWith('/api/')) {
        const type = response.headers.get('content-type')
        expectDescribed(method, path.split('?')[0] ?? '', { status: reply.status, type, text })
      }
      return reply
    },
    async close() {
      dashboard.stop()
      await collector.close()
      await dashboard.close()
    },
  })
}
