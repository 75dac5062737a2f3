/**
 * Everything that makes elements for the page: from names, attributes and texts, never from markup.
 * Whatever a campaign is called, it stays text.
 */

type Child = Node | string | null

type Parts<Tag extends keyof HTMLElementTagNameMap> = Readonly<{
  class?: string
  text?: string
  /** `true` is an attribute without a value; `false` and null are left out. */
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

/** Sets a text only if it differs, so as not to disturb selections and screen readers. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/**
 * Puts the children of `parent` into the given order with as few moves as possible: nodes that stay
 * keep their focus and scroll position.
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

/** Strokes on a 16 by 16 grid. */
const PATHS = {
  'arrow-up': 'M8 13V3M4 7l4-4 4 4',
  'arrow-down': 'M8 3v10M4 9l4 4 4-4',
  check: 'm3 8.5 3.2 3.2L13 5',
  chevron: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  close: 'm4.5 4.5 7 7m0-7-7 7',
  copy: 'M6 6h7v7H6zM10 3.5V3H3v7h.5',
  download: 'M8 2.5v7.5m-3-3 3 3 3-3M3 13h10',
  moon: 'M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6Z',
  search: 'M7.2 11.4a4.2 4.2 0 1 0 0-8.4 4.2 4.2 0 0 0 0 8.4Zm3-1.2L13.5 13.5',
  sun: `M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2
    M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9`,
  warning: 'M8 6.2v3.1m0 2.2v.1M8 2.2 14.2 13H1.8Z',
  calendar: 'M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2v3M10.5 2v3',
} as const

type IconName = keyof typeof PATHS

/** An icon in the colour of the text around it, hidden from screen readers. */
export function icon(name: IconName): SVGSVGElement {
  return svgElement(
    'svg',
    {
      viewBox: '0 0 16 16',
      class: `icon icon-${name}`,
      'aria-hidden': 'true',
      focusable: 'false',
    },
    svgElement('path', { d: PATHS[name] }),
  )
}

const SVG = 'http://www.w3.org/2000/svg'

/** Attributes and classes only: the page's policy forbids inline styles. */
export function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>>,
  ...content: readonly SVGElement[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...content)
  return made
}
