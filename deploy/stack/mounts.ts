/**
 * What a container sees at a path, in the run folder: a named volume is a folder under `volumes/`,
 * which services share as containers do; a mounted file of deploy/ is a rewritten copy under the
 * service's own folder, made anew before each start.
 */

import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AddressBook } from './address-book.ts'
import { type ComposeService, DEPLOY } from './compose-file.ts'

export type Mounts = Readonly<{
  /** The native path of a path in the container. */
  path: (containerPath: string) => string
  /** Addresses and container paths of a text written for the container. */
  rewrite: (text: string) => string
  /** Makes volumes' folders, and the copies of mounted files. */
  layOut: () => void
}>

export function openMounts(service: ComposeService, folder: string, book: AddressBook): Mounts {
  // Longest first, so that a mount inside another one is taken for itself.
  const places = service.mounts
    .map((mount) => ({ ...mount, place: placeOf(mount, service, folder) }))
    .sort((a, b) => b.target.length - a.target.length)

  const path = (containerPath: string): string => {
    const found = places.find(
      ({ target }) => containerPath === target || containerPath.startsWith(`${target}/`),
    )
    if (found === undefined) throw new Error(`${service.name} mounts nothing at ${containerPath}`)
    return found.place + containerPath.slice(found.target.length)
  }
  const rewrite = (text: string): string =>
    places.reduce(
      (text, { target, place }) =>
        text.replaceAll(new RegExp(`(?<![\\w.])${target}(?![\\w.-])`, 'g'), () => place),
      book.rewrite(text),
    )
  const layOut = (): void => {
    for (const { kind, source, place } of places) {
      if (kind === 'volume') mkdirSync(place, { recursive: true })
      else copyRewritten(join(DEPLOY, source), place, rewrite)
    }
  }
  return { path, rewrite, layOut }
}

function placeOf(
  { kind, source, target }: ComposeService['mounts'][number],
  service: ComposeService,
  folder: string,
): string {
  return kind === 'volume'
    ? join(folder, 'volumes', source)
    : join(folder, service.name, 'root', target)
}

function copyRewritten(source: string, place: string, rewrite: (text: string) => string): void {
  rmSync(place, { recursive: true, force: true })
  cpSync(source, place, { recursive: true })
  const files = statSync(place).isDirectory()
    ? globSync('**', { cwd: place }).map((name) => join(place, name))
    : [place]
  for (const file of files.filter((file) => statSync(file).isFile()))
    writeFileSync(file, rewrite(readFileSync(file, 'utf8')))
}
