/**
 * The other process of lock.test.ts: appends numbered lines until it is killed, and prints the
 * number of each answered one.
 */
import { openLog } from '../../src/log.ts'
import { append, smallLog } from './room.ts'

const log = await openLog(smallLog(process.argv[2] ?? ''))
process.stdout.write('open\n')
for (let number = 0; number < 10_000; number += 1) {
  await append(log, number)
  process.stdout.write(`${number}\n`)
  if (log.end() % 100 === 0) await log.trim(0)
}
setInterval(() => {}, 1000)
