/** The versions of Kafka's protocol that are spoken here: those of Kafka 3.1, which newer brokers and others still speak. */
import { apiVersionsV3, type Connection } from '@platformatic/kafka'
import { LogError } from '../error.ts'

const CLIENT = 'campaign-metrics'

/** By the protocol's keys. Topic ids came with Metadata 10 and Fetch 13. */
export const VERSIONS = {
  produce: { key: 0, version: 9 },
  fetch: { key: 1, version: 13 },
  listOffsets: { key: 2, version: 7 },
  metadata: { key: 3, version: 12 },
  offsetFetch: { key: 9, version: 8 },
  findCoordinator: { key: 10, version: 4 },
  createTopics: { key: 19, version: 7 },
  initProducerId: { key: 22, version: 4 },
  describeConfigs: { key: 32, version: 4 },
} as const

/** Throws `unsupported` when the broker does not speak them. */
export async function requireVersions(connection: Connection, broker: string): Promise<void> {
  const { apiKeys } = await apiVersionsV3.api.async(connection, CLIENT, '1')
  for (const [name, { key, version }] of Object.entries(VERSIONS)) {
    const spoken = apiKeys.find(({ apiKey }) => apiKey === key)
    if (spoken !== undefined && spoken.minVersion <= version && version <= spoken.maxVersion) {
      continue
    }
    throw new LogError(
      'unsupported',
      `kafka: the broker ${broker} does not speak version ${version} of ${name}. Kafka 3.1 or newer is needed.`,
      { broker, api: name, version },
    )
  }
}
