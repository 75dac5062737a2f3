/**
 * The log's speed against the disk's own: `node bench/log.ts [folder]`. First a bare loop of write
 * and fdatasync, then appends of one event (240 bytes) with many senders at once, then bodies of 1
 * MB, then reading it all back. Prints rates, latencies and processor time.
 */
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { type Log, openLog, openLogReader } from '../src/log.ts'

const EVENT_BYTES = 240
const BODY_BYTES = 1024 * 1024
const SEGMENT_BYTES = 64 * 1024 * 1024
const GIB = 1024 ** 3

const folder = await mkdtemp(join(process.argv[2] ?? os.tmpdir(), 'bench-log-'))
try {
  const [cpu] = os.cpus()
  console.log(`${os.cpus().length} × ${cpu?.model ?? '?'}, node ${process.version}, ${folder}`)
  console.log('                            rate/s      MB/s   p50 ms   p99 ms   cpu µs each')
  benchDisk('write + fdatasync, 240 B', EVENT_BYTES, 5_000)
  benchDisk('write + fdatasync, 1 MB', BODY_BYTES, 300)
  for (const senders of [1, 16, 64, 256, 1024]) {
    await benchAppends(`append 240 B × ${senders}`, EVENT_BYTES, senders, 150_000)
  }
  for (const senders of [1, 4, 16]) {
    await benchAppends(`append 1 MB × ${senders}`, BODY_BYTES, senders, 2_000)
  }
} finally {
  await rm(folder, { recursive: true })
}

/** What the disk does when one thread does nothing else. */
function benchDisk(name: string, bytes: number, times: number): void {
  const file = fs.openSync(join(folder, 'raw'), 'w+')
  fs.writeSync(file, Buffer.alloc(SEGMENT_BYTES))
  fs.fdatasyncSync(file)
  const piece = Buffer.alloc(bytes, 'x')
  const timer = startTimer()
  for (let index = 0; index < times; index += 1) {
    const startMs = performance.now()
    fs.writeSync(file, piece, 0, bytes, (index * bytes) % (SEGMENT_BYTES - bytes))
    fs.fdatasyncSync(file)
    timer.add(performance.now() - startMs)
  }
  timer.print(name, bytes)
  fs.closeSync(file)
}

/**
 * `senders` loops, each with one append under way. Trims as it goes, so that segments are recycled.
 */
async function benchAppends(
  name: string,
  bytes: number,
  senders: number,
  appendsMax: number,
): Promise<void> {
  const directory = join(folder, 'log')
  const log = await openLog({
    directory,
    nowUs: () => Date.now() * 1000,
    retentionMs: 0,
    bytesMax: 4 * GIB,
    diskReserveBytes: GIB,
  })
  const lines = Buffer.alloc(bytes, 'x')
  lines[bytes - 1] = 0x0a
  const times = Math.min(appendsMax, senders * 5_000)
  let left = times
  const timer = startTimer()
  const send = async () => {
    while (left > 0) {
      left -= 1
      const startMs = performance.now()
      const offset = await log.append(lines, 1, log.stampUs())
      timer.add(performance.now() - startMs)
      if (offset % 256 === 0) await log.trim(Math.max(0, offset - 128))
    }
  }
  await Promise.all(Array.from({ length: senders }, send))
  const { groups } = log.stats()
  timer.print(name, bytes, `   ${(times / groups).toFixed(1)} a group`)
  await benchRead(`  read back`, log, directory)
  await log.close()
  await rm(directory, { recursive: true })
}

async function benchRead(name: string, log: Log, directory: string): Promise<void> {
  const reader = await openLogReader({ directory, cursor: log.cursor })
  const timer = startTimer()
  let bytes = 0
  let frames = 0
  let offset = log.start()
  while (offset < log.end()) {
    const startMs = performance.now()
    const frame = await reader.next(offset, 0)
    timer.add(performance.now() - startMs)
    if (frame === null) throw new Error('a durable frame was not read')
    offset = frame.firstOffset + frame.count
    bytes += frame.bytes.length
    frames += 1
  }
  timer.print(name, bytes / frames, '   frames')
  await reader.close()
}

type Timer = { add(ms: number): void; print(name: string, bytes: number, note?: string): void }

function startTimer(): Timer {
  const latenciesMs: number[] = []
  const cpuAtStart = process.cpuUsage()
  const startMs = performance.now()
  return {
    add: (ms) => latenciesMs.push(ms),
    print(name, bytes, note = '') {
      const seconds = (performance.now() - startMs) / 1000
      const { user, system } = process.cpuUsage(cpuAtStart)
      latenciesMs.sort((a, b) => a - b)
      const times = latenciesMs.length
      const at = (share: number) => latenciesMs[Math.floor(times * share)] ?? 0
      const columns = [
        (times / seconds).toFixed(0).padStart(9),
        ((times * bytes) / seconds / 1e6).toFixed(1).padStart(9),
        at(0.5).toFixed(3).padStart(8),
        at(0.99).toFixed(3).padStart(8),
        ((user + system) / times).toFixed(1).padStart(10),
      ]
      console.log(`${name.padEnd(25)}${columns.join(' ')}${note}`)
    },
  }
}
