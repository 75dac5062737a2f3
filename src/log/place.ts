/** Where the log is: a folder of this machine, or a topic of a Kafka cluster. */

export type KafkaPlace = Readonly<{
  kind: 'kafka'
  /** host:port; any of them tells the others. */
  brokers: readonly string[]
  topic: string
  /** Of a topic that is made; one that exists keeps its own. */
  partitions: number
  replication: number
  tls: Readonly<{
    caFile: string | null
    certFile: string | null
    keyFile: string | null
  }> | null
  sasl: Readonly<{
    mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
    username: string
    password: string
  }> | null
}>

export type LogPlace = Readonly<{ kind: 'folder'; path: string }> | KafkaPlace
