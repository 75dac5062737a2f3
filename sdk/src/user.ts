/**
 * The user id that `remember` keeps in first-party storage, never in a cookie. Under Global Privacy
 * Control there is none, and one from before is removed.
 */
import type { AppStorage } from './app-store.ts'
import type { Environment } from './environment.ts'
import { storeName } from './store.ts'

/** `fresh` is kept where there is none yet; null = not allowed. Rejects where the storage fails. */
export async function rememberedUser(
  storage: AppStorage,
  url: string,
  fresh: string,
  environment: Environment,
): Promise<string | null> {
  const key = `${storeName(url)}/user`
  if (environment.refusesTracking()) {
    await storage.removeItem(key)
    return null
  }
  const known = await storage.getItem(key)
  if (known) return known
  await storage.setItem(key, fresh)
  return fresh
}
