/** The sign-in form. For a read key the server sets a cookie that scripts cannot read. */
import { DASHBOARD } from '../dashboard-definition.ts'
import type { ApiClient, ApiFailure } from './api-client.ts'
import { element, setText } from './element.ts'

export type SignIn = Readonly<{
  element: HTMLElement
  focus: () => void
  /** Shows what went wrong before the form was opened. */
  setFault: (text: string) => void
}>

export function openSignIn(client: ApiClient, onSignedIn: () => void): SignIn {
  const key = keyInput()
  const fault = element('p', { class: 'fault', attributes: { role: 'alert' } })
  const button = element('button', {
    class: 'button button-primary button-wide',
    text: 'Sign in',
    attributes: { type: 'submit' },
  })

  const submit = async (): Promise<void> => {
    setText(fault, '')
    const value = key.value.trim()
    if (value === '') {
      setText(fault, 'Enter your key.')
      key.focus()
      return
    }
    button.disabled = true
    const result = await client.signIn(value)
    button.disabled = false
    if (result.kind === 'answer') {
      key.value = ''
      onSignedIn()
      return
    }
    setText(fault, faultText(result))
    key.select()
  }

  const form = element(
    'form',
    {
      class: 'card sign-in',
      attributes: { 'data-sign-in': true, novalidate: true, 'aria-labelledby': 'sign-in-title' },
      on: {
        submit: (event) => {
          event.preventDefault()
          void submit()
        },
      },
    },
    ...formParts(key),
    fault,
    button,
  )
  return {
    element: form,
    focus: () => key.focus(),
    setFault: (text) => setText(fault, text),
  }
}

function faultText(failure: ApiFailure): string {
  if (failure.kind === 'aborted') return ''
  return failure.kind === 'signed-out' ? 'This key is not known here.' : failure.message
}

/** All parts but the fault and the button. */
function formParts(key: HTMLInputElement): readonly HTMLElement[] {
  return [
    element('h2', { class: 'state-title', text: 'Sign in', attributes: { id: 'sign-in-title' } }),
    element('p', { class: 'state-text', text: `A key opens ${DASHBOARD.title}.` }),
    // Password managers store a key under a user name.
    element('input', {
      attributes: {
        type: 'text',
        name: 'username',
        value: 'campaign-metrics',
        autocomplete: 'username',
        hidden: true,
      },
    }),
    element(
      'div',
      { class: 'field' },
      element('label', { text: 'Key', attributes: { for: 'read-key' } }),
      key,
    ),
    element('p', {
      class: 'hint',
      text: 'Ask whoever runs this for a key.',
      attributes: { id: 'read-key-hint' },
    }),
  ]
}

function keyInput(): HTMLInputElement {
  return element('input', {
    class: 'input',
    attributes: {
      type: 'password',
      id: 'read-key',
      name: 'read-key',
      required: true,
      autocomplete: 'current-password',
      spellcheck: 'false',
      'aria-describedby': 'read-key-hint',
    },
  })
}
