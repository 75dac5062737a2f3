/** Runs of the product in one folder, for tests that stop and start it many times. */
import assert from 'node:assert/strict'
import { type Ledger, waitUntilSettled } from './client.ts'
import type { Folder } from './folder.ts'
import { type Product, runCommand, type StartOptions, startProduct } from './product.ts'

/** Starts, does something, and ends the product whatever happens. */
export async function whileRunning<T>(
  folder: Folder,
  act: (product: Product) => Promise<T>,
  options: StartOptions & Readonly<{ end?: 'stop' | 'kill' }> = {},
): Promise<T> {
  const product = await startProduct(folder, options)
  try {
    return await act(product)
  } catch (error) {
    await product.kill()
    throw new Error(`failed while this was running:\n${product.output()}`, { cause: error })
  } finally {
    await (options.end === 'kill' ? product.kill() : product.stop())
  }
}

/** Everything answered is in the tables, the ledger closes over it, and `verify` passes. */
export async function expectSettled(
  folder: Folder,
  url: string,
  expected: Partial<Ledger>,
): Promise<void> {
  const ledger = await waitUntilSettled(url)
  assert.deepEqual({ ...ledger, ...expected }, ledger)
  const { received, stored, duplicates, rejected } = ledger
  assert.equal(received, stored + duplicates + rejected, JSON.stringify(ledger))
  const verify = await runCommand(folder, ['verify'])
  assert.equal(verify.exit.code, 0, verify.stdout + verify.stderr)
}
