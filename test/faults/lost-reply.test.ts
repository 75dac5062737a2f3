/**
 * F1, F2: a commit is done and its reply is lost. Whoever retries must find out that it was done: no file is referenced twice,
 * and no row is lost. The same again with a restart before the retry, on Flink's side under a new job id.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../../deploy/stack/stack.ts'
import type { DistributedSide } from '../stack/support/distributed-side.ts'
import { type Running, runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide, onKafkaSide } from '../stack/support/on-side.ts'
import { catalogUrl } from '../stack/support/postgres.ts'
import { openPostgresProxy, type PostgresProxy } from '../stack/support/postgres-proxy.ts'

/** pgjdbc says in its first message how dates are to be written; the collector's driver does not. */
const isFlink = (startup: string): boolean => startup.includes('DateStyle')
const isCollector = (startup: string): boolean => !isFlink(startup)
const LOSSES = 4
const LOSS_LIMIT_MS = 120_000
const POLL_MS = 100

test('Kafka with the embedded engine: replies to commits are lost, to the running job and before a kill', () =>
  onKafkaSide('reply', (stack, side) =>
    throughProxy(stack, side, isCollector, async (running, proxy) => {
      await loseReplies(proxy, LOSSES)
      await loseReplies(proxy, 1)
      await running.killProduct()
    }),
  ))

test("Kafka with Flink: replies to Flink's commits are lost, and it retries", () =>
  onFlinkSide('reply', (stack, side) =>
    throughProxy(stack, side, isFlink, async (_, proxy) => {
      await loseReplies(proxy, LOSSES)
    }),
  ))

test("Kafka with Flink: a reply to Flink's commit is lost, and the job goes on under a new id", () =>
  onFlinkSide('reply', (stack, side) =>
    throughProxy(stack, side, isFlink, async (_, proxy) => {
      await loseReplies(proxy, 1)
      await stack.kill('jobmanager', 'SIGKILL')
      await stack.start('jobmanager')
    }),
  ))

async function throughProxy(
  stack: Stack,
  side: DistributedSide,
  isVictim: (startup: string) => boolean,
  fault: (running: Running, proxy: PostgresProxy) => Promise<void>,
): Promise<void> {
  const proxy = await openPostgresProxy({ server: stack.address('postgres'), isVictim })
  const catalog = catalogUrl(stack, side.database, proxy.address)
  await side.folder.configure({ ...side.fields, catalog })
  try {
    await runFault(side, (running) => fault(running, proxy))
    assert.ok(proxy.lost() > 0)
  } finally {
    await proxy.close()
  }
}

/** Loses so many replies, one after the other, and waits until it has. */
async function loseReplies(proxy: PostgresProxy, count: number): Promise<void> {
  const deadline = AbortSignal.timeout(LOSS_LIMIT_MS)
  const wanted = proxy.lost() + count
  proxy.loseReplies(count)
  while (proxy.lost() < wanted) {
    assert.ok(!deadline.aborted, `only ${proxy.lost()} of ${wanted} replies could be lost`)
    await sleep(POLL_MS)
  }
}
