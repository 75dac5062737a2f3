/** Light or dark: the system's theme until the reader chooses; the browser stores the choice. */

export type Theme = 'light' | 'dark'

const STORED_AS = 'campaign-metrics-theme'
const DARK = '(prefers-color-scheme: dark)'
/** The colours of the browser's own bars: the page's backgrounds in tokens.css. */
const BAR_COLOURS: Readonly<Record<Theme, string>> = { light: '#f6f7f9', dark: '#0d0f13' }

export function applyStoredTheme(): void {
  const stored = storedTheme()
  if (stored !== null) applyTheme(stored)
}

export function currentTheme(): Theme {
  return storedTheme() ?? (matchMedia(DARK).matches ? 'dark' : 'light')
}

/** Switches to the other theme and stores the choice. */
export function switchTheme(): void {
  const theme = currentTheme() === 'dark' ? 'light' : 'dark'
  applyTheme(theme)
  try {
    localStorage.setItem(STORED_AS, theme)
  } catch {
    // A browser that stores nothing still shows it until the page is closed.
  }
}

/** Called when the system's theme changes and the reader has not chosen one. */
export function watchSystemTheme(onChange: () => void): void {
  matchMedia(DARK).addEventListener('change', () => {
    if (storedTheme() === null) onChange()
  })
}

function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme
  for (const bar of document.querySelectorAll('meta[name="theme-color"]')) {
    bar.setAttribute('content', BAR_COLOURS[theme])
  }
}

function storedTheme(): Theme | null {
  const applied = document.documentElement.dataset.theme
  if (applied === 'light' || applied === 'dark') return applied
  try {
    const stored = localStorage.getItem(STORED_AS)
    return stored === 'light' || stored === 'dark' ? stored : null
  } catch {
    return null
  }
}
