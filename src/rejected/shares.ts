/**
 * What the collector rejects, in two stores: the events of bots have a share of the space of their
 * own, so that crawlers, which come in any number, cannot crowd out other rejections.
 */
import type { RejectedRecord } from './line.ts'
import {
  openRejected,
  type RejectedOptions,
  type RejectedStats,
  type RejectedStore,
} from './store.ts'

export type RejectedShares = Omit<RejectedStore, 'stats'> &
  Readonly<{
    /** Of both; `keepingCountsOnly` tells of the others, not of bots. */
    stats(): RejectedStats & Readonly<{ keepingCountsOnlyOfBots: boolean }>
  }>

/** Of the space there is. */
const BOTS_PART = 0.25

/** `bytesMax`: of both together. */
export async function openRejectedShares(
  options: Omit<RejectedOptions, 'source'>,
): Promise<RejectedShares> {
  const botsBytesMax = Math.floor(options.bytesMax * BOTS_PART)
  const bots = await openRejected({ ...options, source: 'bots', bytesMax: botsBytesMax })
  const bytesMax = options.bytesMax - botsBytesMax
  const others = await openRejected({ ...options, source: 'collector', bytesMax }).catch(
    async (error) => {
      await bots.close()
      throw error
    },
  )
  return {
    async keep(records) {
      const ofBots = records.filter(isOfBot)
      await Promise.all([
        bots.keep(ofBots),
        others.keep(ofBots.length === 0 ? records : records.filter((each) => !isOfBot(each))),
      ])
    },
    stats: () => both(others.stats(), bots.stats()),
    async checkWritable() {
      await Promise.all([bots.checkWritable(), others.checkWritable()])
    },
    async close() {
      await Promise.all([bots.close(), others.close()])
    },
  }
}

function isOfBot({ reason }: RejectedRecord): boolean {
  return reason === 'bot'
}

function both(others: RejectedStats, bots: RejectedStats): ReturnType<RejectedShares['stats']> {
  return {
    total: others.total + bots.total,
    countedOnly: others.countedOnly + bots.countedOnly,
    bytes: others.bytes + bots.bytes,
    keepingCountsOnly: others.keepingCountsOnly,
    keepingCountsOnlyOfBots: bots.keepingCountsOnly,
    failed: others.failed || bots.failed,
    problem: others.problem ?? bots.problem,
    lastOffset: null,
  }
}
