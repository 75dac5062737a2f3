/**
 * The user id that `remember` keeps in first-party storage, never in a cookie. Under Global Privacy
 * Control there is none, and one from before is removed.
 */
import type { AppStorage } from './app-store.ts'
import type { Environment } from './environment.ts'

/** From localStorage, at once; `fresh` is kept where there is none yet. null = there is none. */
export function pageUser(url: string, fresh: string, environment: Environment): string | null {
  try {
    const storage = environment.localStorage()
    if (environment.refusesTracking()) storage?.removeItem(keyOf(url))
    else if (storage !== null) {
      const user = storage.getItem(keyOf(url)) || fresh
      storage.setItem(keyOf(url), user)
      return user
    }
  } catch {
    // Refused or full.
  }
  return null
}

/** The same from a storage that answers later. Rejects where it fails. */
export async function appUser(
  storage: AppStorage,
  url: string,
  fresh: string,
  environment: Environment,
): Promise<string | null> {
  if (environment.refusesTracking()) {
    await storage.removeItem(keyOf(url))
    return null
  }
  const user = (await storage.getItem(keyOf(url))) || fresh
  await storage.setItem(keyOf(url), user)
  return user
}

function keyOf(url: string): string {
  return `campaign-metrics-user ${url}`
}
