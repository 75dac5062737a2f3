/**
 * Elements with `data-campaign`: an impression once one was viewable, and its clicks.
 *
 * Viewable is half of the element, or 30 % of a large one, for one continuous second in a visible
 * tab, as the Media Rating Council defines it for display ads. It counts once for each element and
 * page view. A click is one by mouse or keyboard: those that scripts make are not trusted.
 */
import type { Page } from './environment.ts'
import type { Tracker } from './tracker.ts'

const SELECTOR = '[data-campaign]'
const SHARE = 0.5
const SHARE_OF_LARGE = 0.3
const LARGE_PIXELS = 242_500
const VIEWABLE_MS = 1_000
const RIGHT_BUTTON = 2

export function watchElements(metrics: Tracker, page: Page): void {
  let counted = new WeakSet<Element>()
  /** Enough of them is in view; their timers run while the tab is visible. */
  const inView = new Map<Element, ReturnType<typeof setTimeout> | undefined>()

  function restart(element: Element): void {
    clearTimeout(inView.get(element))
    inView.set(
      element,
      document.hidden || counted.has(element)
        ? undefined
        : setTimeout(() => {
            counted.add(element)
            metrics.impression(fieldsOf(element))
          }, VIEWABLE_MS),
    )
  }

  function restartAll(): void {
    for (const element of inView.keys()) restart(element)
  }

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio, boundingClientRect } of entries) {
        const pixels = boundingClientRect.width * boundingClientRect.height
        const share = pixels < LARGE_PIXELS ? SHARE : SHARE_OF_LARGE
        if (pixels === 0 || intersectionRatio < share) {
          clearTimeout(inView.get(target))
          inView.delete(target)
        } else if (!inView.has(target)) {
          restart(target)
        }
      }
    },
    { threshold: [SHARE_OF_LARGE, SHARE] },
  )

  function observeAll(): void {
    // Those that are observed already stay as they are.
    for (const element of document.querySelectorAll(SELECTOR)) observer.observe(element)
  }

  function onClick({ target, button, isTrusted }: MouseEvent): void {
    const element = (target as Element).closest(SELECTOR)
    if (isTrusted && button < RIGHT_BUTTON && element !== null) metrics.click(fieldsOf(element))
  }

  new MutationObserver(observeAll).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ['data-campaign'],
  })
  observeAll()
  // Before the page's own listeners, which may stop it. The middle button has an event of its own.
  document.addEventListener('click', onClick, true)
  document.addEventListener('auxclick', onClick, true)
  page.onVisible(restartAll)
  page.onHidden(restartAll)
  page.onRestored(() => {
    counted = new WeakSet()
    restartAll()
  })
}

function fieldsOf(element: Element): { campaign_id: string } {
  return { campaign_id: element.getAttribute('data-campaign') as string }
}
