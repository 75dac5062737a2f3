/** F4 on Flink's side: the task manager dies between checkpoints, with everything that it had written and not committed. */
import { test } from 'node:test'
import { runFault } from '../stack/support/fault-run.ts'
import { onFlinkSide } from '../stack/support/on-side.ts'

test('Kafka with Flink: the task manager is killed, and a new one goes on where the tables stand', () =>
  onFlinkSide('taskmanager', async (stack, side) => {
    await runFault(side, async ({ traffic }) => {
      await stack.kill('taskmanager', 'SIGKILL')
      await stack.start('taskmanager')
      await traffic.more(1)
    })
  }))
