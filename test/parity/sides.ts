/** The three sides by name, on the services that they need. */
import { openEmbeddedSide, type Side } from './side.ts'

export const SIDE_NAMES = ['embedded', 'kafka', 'flink'] as const

export type Sides = Readonly<{ list: readonly Side[]; close(): Promise<void> }>

export async function openSides(names: readonly string[]): Promise<Sides> {
  const list: Side[] = []
  for (const name of names) {
    if (name === 'embedded') list.push(await openEmbeddedSide())
    else throw new RangeError(`no side ${name}: it is one of ${SIDE_NAMES.join(', ')}`)
  }
  return {
    list,
    close: async () => {
      for (const side of list.toReversed()) await side.close()
    },
  }
}
