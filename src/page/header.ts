/** The header: title, freshness, connection, theme and sign-out. */
import { DASHBOARD } from '../dashboard-definition.ts'
import { element, icon, setAttribute, setText } from './element.ts'
import type { Connection } from './live-state.ts'
import { currentTheme, switchTheme, watchSystemTheme } from './theme.ts'

export type Header = Readonly<{
  element: HTMLElement
  /**
   * Shows what only a signed-in reader sees. `onSignOut` is null if nobody needs to sign in;
   * `onTheme` is called after each change of the theme.
   */
  open: (
    parts: Readonly<{
      freshness: HTMLElement
      onSignOut: (() => void) | null
      onTheme: () => void
    }>,
  ) => void
  /** Shows only what everybody sees. */
  close: () => void
  setConnection: (connection: Connection) => void
}>

type Opened = Readonly<{ elements: readonly Element[]; onTheme: () => void }>

const CONNECTION_TEXTS = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
} as const

export function openHeader(): Header {
  let opened: Opened | null = null
  const theme = themeButton(() => opened?.onTheme())
  const connectionText = element('span', { text: CONNECTION_TEXTS.connecting })
  const connection = element(
    'span',
    {
      class: 'connection',
      attributes: { 'data-connection': 'reconnecting', role: 'status', hidden: true },
    },
    element('span', { class: 'connection-dot', attributes: { 'aria-hidden': 'true' } }),
    connectionText,
  )
  const titles = element(
    'div',
    { class: 'header-titles' },
    element('h1', { class: 'title', text: DASHBOARD.title }),
    // Keeps the space of the line, so that the title does not move.
    element('p', { class: 'freshness', text: '\u00a0' }),
  )
  const tools = element('div', { class: 'header-tools' }, connection, theme)
  const whole = element(
    'header',
    { class: 'header' },
    element('div', { class: 'header-inner' }, mark(), titles, tools),
  )
  return {
    element: whole,
    open: ({ freshness, onSignOut, onTheme }) => {
      connection.hidden = false
      const signOut = onSignOut === null ? [] : [signOutButton(onSignOut)]
      if (titles.childElementCount > 1) titles.lastElementChild?.remove()
      titles.append(freshness)
      theme.before(...signOut)
      opened = { elements: signOut, onTheme }
    },
    close: () => {
      connection.hidden = true
      for (const one of opened?.elements ?? []) one.remove()
      opened = null
      if (titles.childElementCount > 1) titles.lastElementChild?.remove()
    },
    setConnection: (state) => {
      setAttribute(connection, 'data-connection', state === 'live' ? 'live' : 'reconnecting')
      setText(connectionText, CONNECTION_TEXTS[state])
    },
  }
}

function signOutButton(onSignOut: () => void): HTMLElement {
  return element('button', {
    class: 'button button-quiet',
    text: 'Sign out',
    attributes: { type: 'button', 'data-sign-out': true },
    on: { click: onSignOut },
  })
}

function themeButton(onSwitch: () => void): HTMLElement {
  const name = (): string => `Switch to the ${currentTheme() === 'dark' ? 'light' : 'dark'} theme`
  const button = element(
    'button',
    {
      class: 'button button-icon theme-toggle',
      attributes: { type: 'button', 'data-theme-toggle': true },
      on: {
        click: () => {
          switchTheme()
          show()
          onSwitch()
        },
      },
    },
    icon('sun'),
    icon('moon'),
  )
  const show = (): void => {
    setAttribute(button, 'aria-label', name())
    setAttribute(button, 'title', name())
    button.classList.toggle('is-dark', currentTheme() === 'dark')
  }
  show()
  watchSystemTheme(() => {
    show()
    onSwitch()
  })
  return button
}

/** The product's logo, as in favicon.svg. */
function mark(): HTMLElement {
  return element('img', {
    class: 'mark',
    attributes: { src: 'favicon.svg', alt: '', width: 28, height: 28 },
  })
}
