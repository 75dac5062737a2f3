/**
 * One side of the picture under test: a configuration file, the environment of its process, and
 * where independent readers find its tables. What is sent and how it is checked is the same for
 * all.
 */
import { type Folder, openFolder } from '../support/folder.ts'

export type Side = Readonly<{
  name: string
  folder: Folder
  environment: Readonly<Record<string, string>>
  /** Whether `campaign-metrics setup` has to be run before the first start. */
  needsSetup: boolean
  /** Arguments of the Python readers: the catalog and what opens its files. */
  readerWords: readonly string[]
  /** How long it may take until what was sent stands in both tables. */
  settleLimitMs: number
  close(): Promise<void>
}>

/** Every side keeps its rows for ever: the input has events of 2000 and 2024. */
export const KEEP_ALL = { retention: { events: '0', metrics: '0' } }

export async function openEmbeddedSide(): Promise<Side> {
  const folder = await openFolder({ ...KEEP_ALL, commitInterval: '1s' })
  return {
    name: 'embedded',
    folder,
    environment: {},
    needsSetup: false,
    readerWords: ['--catalog', folder.reader.uri],
    settleLimitMs: 120_000,
    close: folder.close,
  }
}
