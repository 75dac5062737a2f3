/**
 * The only way in which the page makes elements: names, attributes and texts, never markup. Whatever a campaign is
 * called, it stays text.
 */

export type Child = Node | string | null

export type Parts<Tag extends keyof HTMLElementTagNameMap> = Readonly<{
  class?: string
  text?: string
  /** Set as they are; `true` is an attribute without a value, `false` and null are left out. */
  attributes?: Readonly<Record<string, string | number | boolean | null>>
  on?: Readonly<{
    [Name in keyof HTMLElementEventMap]?: (
      event: HTMLElementEventMap[Name],
      element: HTMLElementTagNameMap[Tag],
    ) => void
  }>
}>

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  parts: Parts<Tag> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  if (parts.class !== undefined) made.className = parts.class
  if (parts.text !== undefined) made.textContent = parts.text
  for (const [name, value] of Object.entries(parts.attributes ?? {})) {
    setAttribute(made, name, value)
  }
  for (const [name, listener] of Object.entries(parts.on ?? {})) {
    made.addEventListener(name, (event) => {
      ;(listener as (event: Event, element: HTMLElement) => void)(event, made)
    })
  }
  for (const child of children) if (child !== null) made.append(child)
  return made
}

export function setAttribute(
  target: Element,
  name: string,
  value: string | number | boolean | null,
): void {
  if (value === null || value === false) target.removeAttribute(name)
  else {
    const text = value === true ? '' : String(value)
    if (target.getAttribute(name) !== text) target.setAttribute(name, text)
  }
}

/** Writes a text only where it differs: selections and screen readers stay undisturbed. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/**
 * Brings the children of `parent` into the given order with the least moving: nodes that stay keep their focus and
 * scroll position.
 */
export function placeChildren(parent: Element, children: readonly Node[]): void {
  const kept = new Set(children)
  for (const old of [...parent.childNodes]) if (!kept.has(old)) old.remove()
  let next = parent.firstChild
  for (const child of children) {
    if (child === next) next = next.nextSibling
    else parent.insertBefore(child, next)
  }
}
