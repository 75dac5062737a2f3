/**
 * Finds ports for a stack: a range of which none is taken, below those that the system gives to
 * clients.
 */

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { HOST, PORTS_MAX } from './address-book.ts'

const FIRST = 18_000
const LAST = 31_000
const ATTEMPTS_MAX = 50

/** The first port of a free range. Stacks that start at once look in different places. */
export async function findPortBase(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const base = FIRST + PORTS_MAX * randomInt((LAST - FIRST) / PORTS_MAX)
    const ports = Array.from({ length: PORTS_MAX }, (_, index) => base + index)
    const areFree = await Promise.all(ports.map(isFree))
    if (areFree.every(Boolean)) return base
  }
  throw new Error(`no ${PORTS_MAX} free ports in a row between ${FIRST} and ${LAST}`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.on('error', () => resolve(false))
    server.listen(port, HOST, () => server.close(() => resolve(true)))
  })
}
