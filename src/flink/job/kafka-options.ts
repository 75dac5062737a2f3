/** How the Java client inside Flink's connector is told to reach Kafka: the names of its own settings. */

import type { KafkaPlace } from './options.ts'

/** Flink's connector carries Kafka's client under this name, so the login modules are found under it too. */
const SECURITY = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security'
const MODULES = {
  PLAIN: `${SECURITY}.plain.PlainLoginModule`,
  'SCRAM-SHA-256': `${SECURITY}.scram.ScramLoginModule`,
  'SCRAM-SHA-512': `${SECURITY}.scram.ScramLoginModule`,
} as const

export function kafkaOptions(kafka: KafkaPlace): Record<string, string> {
  return {
    topic: kafka.topic,
    'properties.bootstrap.servers': kafka.brokers.join(','),
    ...protocol(kafka),
    ...tls(kafka.tls),
    ...sasl(kafka.sasl),
  }
}

function protocol({ tls, sasl }: KafkaPlace): Record<string, string> {
  if (tls === null && sasl === null) return {}
  const name = `${sasl === null ? '' : 'SASL_'}${tls === null ? 'PLAINTEXT' : 'SSL'}`
  return { 'properties.security.protocol': name }
}

/** PEM files, at the same paths on Flink's machines. */
function tls(files: KafkaPlace['tls']): Record<string, string> {
  if (files === null) return {}
  return {
    ...(files.caFile === null
      ? {}
      : {
          'properties.ssl.truststore.type': 'PEM',
          'properties.ssl.truststore.location': files.caFile,
        }),
    // The key and its certificate in one file, as Kafka's client wants them.
    ...(files.keyFile === null
      ? {}
      : {
          'properties.ssl.keystore.type': 'PEM',
          'properties.ssl.keystore.location': files.keyFile,
        }),
  }
}

function sasl(login: KafkaPlace['sasl']): Record<string, string> {
  if (login === null) return {}
  const { mechanism, username, password } = login
  const module = `${MODULES[mechanism]} required username=${quoted(username)} password=${quoted(password)};`
  return { 'properties.sasl.mechanism': mechanism, 'properties.sasl.jaas.config': module }
}

/** JAAS: quotes and backslashes are escaped by a backslash. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
