/**
 * The SDK without code, as the collector serves it:
 *
 *     <script src="https://events.example.org/sdk.js" data-key="KEY" async></script>
 *     <a data-campaign="spring" href="…">…</a>
 *
 * `data-persist` and `data-remember` on the script are the options of the same names. A page that
 * loads it twice counts once.
 */
import type { Page } from './environment.ts'
import { pageEnvironment } from './page-environment.ts'
import { openTracker, type Tracker } from './tracker.ts'
import { watchElements } from './viewable.ts'

const script = document.currentScript as HTMLScriptElement
/** For tests and for whoever looks into a page: `campaignMetrics.counts()`. */
const world = globalThis as { campaignMetrics?: Tracker }

if (world.campaignMetrics === undefined) {
  const environment = pageEnvironment()
  world.campaignMetrics = openTracker(
    {
      url: script.src.replace(/\/[^/]*$/, ''),
      key: script.getAttribute('data-key') ?? '',
      persist: script.hasAttribute('data-persist'),
      remember: script.hasAttribute('data-remember'),
    },
    environment,
  )
  watchElements(world.campaignMetrics, environment.page as Page)
}
