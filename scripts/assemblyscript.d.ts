/**
 * The part of AssemblyScript's compiler that scripts/build-engine.ts calls. The package's own
 * declarations bring the globals of the AssemblyScript language (its `console`, its number types)
 * into the whole program, so tsconfig.json points the import here instead.
 */

export type CompilerOptions = Readonly<{
  readFile?: (name: string, base: string) => Promise<string | null> | string | null
  writeFile?: (name: string, contents: string | Uint8Array, base: string) => Promise<void> | void
  listFiles?: (folder: string, base: string) => readonly string[]
  stdout?: NodeJS.WritableStream
  stderr?: NodeJS.WritableStream
}>

export function main(
  args: readonly string[],
  options: CompilerOptions,
): Promise<Readonly<{ error: Error | null }>>
