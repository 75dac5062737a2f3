/** What the REST catalog reads of the tables for its answers. */
import type { TableKey } from '../definition.ts'
import type { TableMetadataText } from '../table-metadata.ts'

export type LakeReader = Readonly<{
  /** Where the tables are, by which clients may name the warehouse: `file:///lake`, `s3://lake`. */
  warehouse: string
  /** How clients reach the tables' files; sent with every table. */
  settings?: Readonly<Record<string, string>>
  /** Where the current metadata of a table is; throws where the catalog cannot be read. */
  locate(key: TableKey): Promise<string>
  /** The same with the text of that file. */
  loadMetadata(key: TableKey): Promise<TableMetadataText>
}>
