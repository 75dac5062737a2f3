/**
 * Adds to package-lock.json the platform packages that npm left out. Native packages come as a
 * family of optional packages, one a platform. When the registry at hand lacks a member, npm writes
 * a lockfile without it, `npm ci` on that member's platform stops with "Missing: … from lock file",
 * and its user would get no binding. Such an entry needs a version and the platform only. Also
 * takes out registry addresses. `npm run lockfile` runs it after npm.
 */

import { readFileSync, writeFileSync } from 'node:fs'

const LOCKFILE = new URL('../package-lock.json', import.meta.url)

const OPERATING_SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32']

type LockedPackage = {
  version?: string
  resolved?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}
export type Lockfile = { packages: Record<string, LockedPackage> }

/**
 * The optional packages that no entry of the lockfile stands for: where each belongs, and who asks
 * for it.
 */
export function missingPlatforms(
  lockfile: Lockfile,
): { path: string; name: string; version: string; parent: LockedPackage }[] {
  const missing = []
  for (const [parentPath, parent] of Object.entries(lockfile.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const isLocked = [`${parentPath}/node_modules/${name}`, `node_modules/${name}`].some(
        (path) => lockfile.packages[path] !== undefined,
      )
      if (!isLocked) missing.push({ path: `node_modules/${name}`, name, version, parent })
    }
  }
  return missing
}

/**
 * The platform that a native package's name ends in, as npm's `os`, `cpu` and `libc` fields say it.
 */
export function platformOf(name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> {
  const words = (name.split('/').at(-1) ?? '').split(/[-_.]/)
  const os = OPERATING_SYSTEMS.find((known) => words.includes(known))
  const cpu = PROCESSORS.find((known) => words.includes(known))
  if (os === undefined || cpu === undefined) {
    throw new Error(`package-lock.json: cannot tell the platform of ${name}; add its entry by hand`)
  }
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc'
  return { cpu: [cpu], ...(os === 'linux' ? { libc: [libc] } : {}), os: [os] }
}

/** The lockfile with every platform in it, sorted as npm sorts, without registry addresses. */
export function completeLockfile(lockfile: Lockfile): Lockfile {
  const packages = { ...lockfile.packages }
  for (const { path, name, version, parent } of missingPlatforms(lockfile)) {
    const { cpu, libc, os } = platformOf(name)
    packages[path] = {
      version,
      ...(cpu && { cpu }),
      ...(parent.dev ? { dev: true } : {}),
      ...(libc && { libc }),
      optional: true,
      ...(os && { os }),
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  const entries = sorted.map(([path, { resolved: _, ...entry }]) => [path, entry] as const)
  return { ...lockfile, packages: Object.fromEntries(entries) }
}

if (import.meta.main) {
  const lockfile = JSON.parse(readFileSync(LOCKFILE, 'utf8')) as Lockfile
  const completed = completeLockfile(lockfile)
  writeFileSync(LOCKFILE, `${JSON.stringify(completed, null, 2)}\n`)
  console.log(
    `package-lock.json: ${missingPlatforms(lockfile).length} platform packages added, ` +
      `${missingPlatforms(completed).length} still missing`,
  )
}
