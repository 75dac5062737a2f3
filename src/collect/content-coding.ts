/** Files that lie compressed beside themselves, and the form that a client accepts. */
import { readFile } from 'node:fs/promises'

export type Coding = 'br' | 'gzip' | 'identity'

/** By content coding, as far as it exists. */
export type Codings = ReadonlyMap<Coding, Uint8Array>

/** In order of preference. */
const CODINGS: readonly Readonly<{ coding: Coding; suffix: string }>[] = [
  { coding: 'br', suffix: '.br' },
  { coding: 'gzip', suffix: '.gz' },
  { coding: 'identity', suffix: '' },
]

/** Of a file and of `.br` and `.gz` beside it; what is not there is left out. */
export async function readCodings(path: string): Promise<Codings> {
  const bodies = new Map<Coding, Uint8Array>()
  for (const { coding, suffix } of CODINGS) {
    const body = await readFile(path + suffix).catch((cause) => {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw cause
    })
    if (body !== null) bodies.set(coding, body)
  }
  return bodies
}

/** The first coding that the client accepts with q > 0, by name or `*`; else the plain bytes. */
export function chooseCoding(bodies: Codings, accepted: string | undefined): Coding {
  const wishes = new Map(
    (accepted ?? '').split(',').map((wish) => {
      const [name = '', ...parameters] = wish.split(';').map((part) => part.trim().toLowerCase())
      const weight = parameters.find((parameter) => parameter.startsWith('q='))
      return [name, weight === undefined || Number(weight.slice(2)) > 0]
    }),
  )
  for (const { coding } of CODINGS) {
    if (coding === 'identity') break
    const isWanted = wishes.get(coding) ?? wishes.get('*') ?? false
    if (isWanted && bodies.has(coding)) return coding
  }
  return 'identity'
}
