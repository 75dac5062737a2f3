/**
 * A topic as someone beside the product sees it: records written past the collector, offsets, and
 * its removal.
 */
import { Admin, type MessageToProduce, Producer, stringSerializers } from '@platformatic/kafka'
import type { Stack } from '../../../deploy/stack/stack.ts'

const CLIENT = 'campaign-metrics-tests'

/**
 * Writes records with the key that the collector would give them, all to one partition where one is
 * named.
 */
export async function produce(
  stack: Stack,
  topic: string,
  values: readonly string[],
  partition?: number,
): Promise<void> {
  const producer = new Producer({
    clientId: CLIENT,
    bootstrapBrokers: [stack.address('kafka')],
    serializers: stringSerializers,
    idempotent: true,
  })
  const messages = values.map((value): MessageToProduce<string, string, string, string> => {
    return { topic, value, ...(partition === undefined ? {} : { partition }) }
  })
  try {
    await producer.send({ messages, acks: -1 })
  } finally {
    await producer.close()
  }
}

export async function withAdmin<Result>(
  stack: Stack,
  ask: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = new Admin({ clientId: CLIENT, bootstrapBrokers: [stack.address('kafka')] })
  try {
    return await ask(admin)
  } finally {
    await admin.close()
  }
}

export async function deleteTopic(stack: Stack, topic: string): Promise<void> {
  await withAdmin(stack, (admin) => admin.deleteTopics({ topics: [topic] }))
}
