/**
 * The command `npm run parity`: the parity run at any size, on the sides asked for, with figures.
 * usage: npm run parity -- [--events 1000000] [--seed 1] [--sides embedded,kafka,flink]
 *          [--parallelism 1]   of Flink's job
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeSharedStack } from '../stack/support/shared-stack.ts'
import { prepareInput, rejectedOtherwise, runSide, type SideReport } from './parity-run.ts'
import { isSideName, openSide, SIDE_NAMES } from './sides.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    sides: { type: 'string', default: SIDE_NAMES.join(',') },
    parallelism: { type: 'string', default: '1' },
  },
})
const say = (text: string): void => console.log(text)
const folder = await mkdtemp(join(tmpdir(), 'campaign-metrics-parity-'))
try {
  const input = { seed: Number(values.seed), nowMs: Date.now(), events: Number(values.events) }
  const prepared = await prepareInput(input, folder)
  const { model, requests } = prepared
  say(
    `seed ${input.seed}: ${input.events} events in ${requests.length} requests; ` +
      `${model.events.size} rows, ` +
      `${model.metrics().size} windows, ${model.duplicates()} duplicates, ` +
      `${model.rejected.length} rejected`,
  )
  let first: SideReport | null = null
  for (const name of values.sides.split(',')) {
    if (!isSideName(name)) throw new Error(`no side ${name}: it is one of ${SIDE_NAMES.join(', ')}`)
    const side = await openSide(name, Number(values.parallelism))
    try {
      const report: SideReport = await runSide(side, prepared, say)
      first ??= report
      const differences = rejectedOtherwise(first, report)
      if (differences.length > 0) throw new Error(differences.join('\n'))
    } finally {
      await side.close()
    }
  }
} finally {
  await closeSharedStack()
  await rm(folder, { recursive: true, force: true })
}
