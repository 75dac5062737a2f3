/** The view that is shown, kept in the address: back and forward walk through what the reader chose. */
import { formatView, parseView, type View } from './url-state.ts'

export type ViewStore = Readonly<{
  current: () => View
  /** `keepAs` is `step` for a choice that "back" should undo, `same` for letters of a search being typed. */
  change: (changed: Partial<View>, keepAs?: 'step' | 'same') => void
  /** Called after each change, whoever made it. */
  onChange: (listener: (view: View) => void) => void
}>

export function openViewStore(): ViewStore {
  let view = parseView(location.search)
  const listeners: ((view: View) => void)[] = []
  const tell = (): void => {
    for (const listener of listeners) listener(view)
  }
  window.addEventListener('popstate', () => {
    view = parseView(location.search)
    tell()
  })
  return {
    current: () => view,
    change: (changed, keepAs = 'step') => {
      const before = formatView(view)
      view = { ...view, ...changed }
      const after = formatView(view)
      if (after === before) return
      const address = after === '' ? location.pathname : `?${after}`
      if (keepAs === 'step') history.pushState(null, '', address)
      else history.replaceState(null, '', address)
      tell()
    },
    onChange: (listener) => {
      listeners.push(listener)
    },
  }
}
