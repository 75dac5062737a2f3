/** What is shown in place of the figures or over them: first steps, errors, problems, a notice. */
import { element, icon, setText } from './element.ts'

type EmptyState = Readonly<{ element: HTMLElement; refresh: (nowMs: number) => void }>

const COPIED_MS = 2000

/** Shown until the first event arrives; `isKeyNeeded` if the server requires keys. */
export function openEmptyState(isKeyNeeded: boolean, nowMs: number): EmptyState {
  const curl = element('pre', {
    class: 'curl',
    text: curlCommand(serverAddress(), isKeyNeeded, nowMs),
    attributes: {
      'data-curl': true,
      tabindex: 0,
      role: 'group',
      'aria-label': 'Command that sends an event',
    },
  })
  const whole = element(
    'section',
    { class: 'card state', attributes: { 'data-empty': true, hidden: true } },
    element('span', { class: 'state-pulse', attributes: { 'aria-hidden': 'true' } }),
    element('h2', { class: 'state-title', text: 'No events yet' }),
    element('p', {
      class: 'state-text',
      text:
        'Figures appear here by themselves, a second or two after the first event. ' +
        'Whoever runs this can send one from a terminal:',
    }),
    element('div', { class: 'curl-box' }, curl, copyButton(curl)),
    isKeyNeeded
      ? element('p', { class: 'hint', text: 'WRITE_KEY is one of the configured write keys.' })
      : null,
  )
  return {
    element: whole,
    refresh: (now) => setText(curl, curlCommand(serverAddress(), isKeyNeeded, now)),
  }
}

/** The address at which this browser reaches it, without a slash at the end. */
function serverAddress(): string {
  return new URL('.', location.href).href.slice(0, -1)
}

function copyButton(source: HTMLElement): HTMLElement {
  const text = element('span', { text: 'Copy', attributes: { 'aria-live': 'polite' } })
  const confirm = (done: string): void => {
    setText(text, done)
    setTimeout(() => setText(text, 'Copy'), COPIED_MS)
  }
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(source.textContent ?? '')
      confirm('Copied')
    } catch {
      // Browsers allow this only with HTTPS; a selected text is quickly copied by hand.
      getSelection()?.selectAllChildren(source)
      confirm('Selected')
    }
  }
  return element(
    'button',
    {
      class: 'button copy-button',
      attributes: { type: 'button', 'data-copy': true },
      on: { click: () => void copy() },
    },
    icon('copy'),
    text,
  )
}

type ErrorState = Readonly<{
  element: HTMLElement
  /** `canReset` if the server refuses what the address asks for. */
  update: (message: string, canReset: boolean) => void
}>

export function openErrorState(onRetry: () => void): ErrorState {
  const text = element('p', { class: 'state-text', attributes: { role: 'alert' } })
  const reset = element('a', {
    class: 'button',
    text: 'Back to the default view',
    attributes: { href: './', hidden: true },
  })
  return {
    element: element(
      'section',
      { class: 'card state', attributes: { 'data-error': true, hidden: true } },
      element('span', { class: 'state-icon' }, icon('warning')),
      element('h2', { class: 'state-title', text: 'The figures could not be loaded' }),
      text,
      element(
        'div',
        { class: 'state-buttons' },
        element('button', {
          class: 'button button-primary',
          text: 'Try again',
          attributes: { type: 'button', 'data-retry': true },
          on: { click: onRetry },
        }),
        reset,
      ),
    ),
    update: (message, canReset) => {
      setText(text, message)
      reset.hidden = !canReset
    },
  }
}

type ProblemsBanner = Readonly<{
  element: HTMLElement
  update: (problems: readonly string[]) => void
}>

/** The server's own problems, one sentence each. */
export function openProblemsBanner(): ProblemsBanner {
  const list = element('ul', { class: 'problems-list' })
  const whole = element(
    'section',
    {
      class: 'problems',
      attributes: { 'data-problems': true, 'aria-label': 'Problems', hidden: true },
    },
    icon('warning'),
    list,
  )
  let shown = ''
  return {
    element: whole,
    update: (problems) => {
      const key = problems.join('\n')
      if (key === shown) return
      shown = key
      whole.hidden = problems.length === 0
      list.replaceChildren(...problems.map((text) => element('li', { text })))
    },
  }
}

type Notice = Readonly<{
  element: HTMLElement
  /** Null hides it. */
  update: (message: string | null) => void
}>

/** At the lower edge, over figures that are still shown but not updated. */
export function openNotice(onRetry: () => void): Notice {
  const text = element('p', { class: 'notice-text' })
  const retry = element('button', {
    class: 'button',
    text: 'Try again',
    attributes: { type: 'button', 'data-retry': true },
    on: { click: onRetry },
  })
  const box = element('div', { class: 'notice-box', attributes: { hidden: true } }, text, retry)
  return {
    element: element('div', { class: 'notice', attributes: { role: 'status' } }, box),
    update: (message) => {
      box.hidden = message === null
      setText(text, message ?? '')
    },
  }
}

/** A command for a terminal that sends one event, with the current time and a new id. */
export function curlCommand(server: string, isKeyNeeded: boolean, nowMs: number): string {
  const event = {
    event_id: `first-${nowMs}`,
    user_id: 'user-1',
    campaign_id: 'spring-sale',
    event_type: 'impression',
    timestamp: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
  }
  const lines = Object.entries(event).map(([name, value]) => `    "${name}": "${value}"`)
  return [
    `curl ${server}/v1/events \\`,
    ...(isKeyNeeded ? ['  -H "Authorization: Bearer $WRITE_KEY" \\'] : []),
    `  -H "Content-Type: application/json" \\`,
    `  -d '{\n${lines.join(',\n')}\n  }'`,
  ].join('\n')
}
