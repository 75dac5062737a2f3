/**
 * A topic as someone beside the product sees it: records written past the collector, offsets, and
 * its removal.
 */
import {
  Admin,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
  type MessageToProduce,
  Producer,
  stringSerializers,
} from '@platformatic/kafka'
import type { Stack } from '../../../deploy/stack/stack.ts'

const CLIENT = 'campaign-metrics-tests'

/**
 * Writes records with the key that the collector would give them, all to one partition where one is
 * named. `timestampMs` is kept by a topic with CreateTime only.
 */
export async function produce(
  stack: Stack,
  topic: string,
  values: readonly string[],
  partition?: number,
  timestampMs?: number,
): Promise<void> {
  const producer = new Producer({
    clientId: CLIENT,
    bootstrapBrokers: [stack.address('kafka')],
    serializers: stringSerializers,
    idempotent: true,
  })
  const messages = values.map((value): MessageToProduce<string, string, string, string> => {
    return {
      ...{ topic, value },
      ...(partition === undefined ? {} : { partition }),
      ...(timestampMs === undefined ? {} : { timestamp: BigInt(timestampMs) }),
    }
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

/** As someone does who does not know what the product needs. */
export async function setTimestampType(
  stack: Stack,
  topic: string,
  value: 'CreateTime' | 'LogAppendTime',
): Promise<void> {
  const config = {
    name: 'message.timestamp.type',
    value,
    configOperation: IncrementalAlterConfigOperationTypes.SET,
  }
  const resource = {
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: topic,
    configs: [config],
  }
  await withAdmin(stack, (admin) => admin.incrementalAlterConfigs({ resources: [resource] }))
}

export async function deleteTopic(stack: Stack, topic: string): Promise<void> {
  await withAdmin(stack, (admin) => admin.deleteTopics({ topics: [topic] }))
}
