/**
 * The design's colours: readable in both themes, told apart by the colour-blind, the same wherever
 * dark is written.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const css = readFileSync(new URL('../../src/page/style/tokens.css', import.meta.url), 'utf8')

type Colours = Readonly<Record<string, string>>
type Rgb = readonly [red: number, green: number, blue: number]

const light = coloursOf(css.slice(css.indexOf(':root {')))
const darkBySystem = coloursOf(css.slice(css.indexOf('@media')))
const darkByChoice = coloursOf(css.slice(css.indexOf(':root[data-theme="dark"]')))
const THEMES: Readonly<Record<string, Colours>> = { light, dark: darkBySystem }

/** The custom properties with a plain colour in the first block of declarations. */
function coloursOf(text: string): Colours {
  const block = text.slice(0, text.search(/\n\s*\}/))
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
}

function rgb(colour: string | undefined): Rgb {
  assert.match(colour ?? '', /^#[0-9a-f]{6}$/)
  const part = (at: number): number => Number.parseInt(String(colour).slice(at, at + 2), 16) / 255
  return [part(1), part(3), part(5)]
}

function linear([red, green, blue]: Rgb): Rgb {
  const one = (part: number): number =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  return [one(red), one(green), one(blue)]
}

/** As WCAG 2.2 defines it. */
function contrast(one: string | undefined, other: string | undefined): number {
  const luminance = (colour: string | undefined): number => {
    const [red, green, blue] = linear(rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

/** Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB. */
const BLINDNESSES: Readonly<Record<string, readonly [Rgb, Rgb, Rgb]>> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
}

/** Distance in Oklab, where 0.02 is just seen. */
function distance(one: Rgb, other: Rgb): number {
  const [a, b] = [oklab(one), oklab(other)]
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])
}

function oklab([red, green, blue]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

function seenBy(blindness: readonly [Rgb, Rgb, Rgb], colour: string | undefined): Rgb {
  const [red, green, blue] = linear(rgb(colour))
  const row = ([r, g, b]: Rgb): number => Math.max(0, r * red + g * green + b * blue)
  return [row(blindness[0]), row(blindness[1]), row(blindness[2])]
}

test('both dark themes, the system’s and the chosen one, are one', () => {
  assert.deepEqual(darkByChoice, darkBySystem)
  assert.deepEqual(Object.keys(darkBySystem).sort(), Object.keys(light).sort())
  assert.ok(Object.keys(light).length >= 25)
})

test('texts have a contrast of 4.5 on everything that they stand on', () => {
  const pairs = [
    ...['background', 'surface', 'surface-raised', 'surface-sunken', 'surface-hover'].flatMap(
      (ground) => [
        ['text', ground],
        ['text-muted', ground],
      ],
    ),
    ...['good', 'bad', 'accent'].flatMap((ink) => [
      [ink, 'surface'],
      [ink, 'background'],
    ]),
    ['text', 'accent-soft'],
    ['text-muted', 'accent-soft'],
    ['text', 'warn-soft'],
    ['warn', 'warn-soft'],
    ['warn', 'background'],
    ['on-accent', 'accent'],
    ['on-accent', 'accent-hover'],
  ]
  for (const [name, theme] of Object.entries(THEMES)) {
    for (const [ink = '', ground = ''] of pairs) {
      const reached = contrast(theme[ink], theme[ground])
      assert.ok(reached >= 4.5, `${name}: --${ink} on --${ground} has ${reached.toFixed(2)}`)
    }
  }
})

test('lines that carry meaning have a contrast of 3', () => {
  const series = Array.from({ length: 8 }, (_, at) => `series-${at + 1}`)
  for (const [name, theme] of Object.entries(THEMES)) {
    for (const ink of [...series, 'line-strong', 'focus']) {
      for (const ground of ['surface', 'surface-raised']) {
        const reached = contrast(theme[ink], theme[ground])
        assert.ok(reached >= 3, `${name}: --${ink} on --${ground} has ${reached.toFixed(2)}`)
      }
    }
  }
})

test('the five lines of the trend are told apart, also by who sees no red or no green', () => {
  const JUST_SEEN = 0.02
  for (const [name, theme] of Object.entries(THEMES)) {
    for (const [blindness, matrix] of Object.entries(BLINDNESSES)) {
      const seen = [1, 2, 3, 4, 5].map((at) => seenBy(matrix, theme[`series-${at}`]))
      for (const [at, one] of seen.entries()) {
        for (const [more, other] of seen.slice(at + 1).entries()) {
          const apart = distance(one, other)
          const pair = `${at + 1} and ${at + more + 2}`
          assert.ok(
            apart >= 5 * JUST_SEEN,
            `${name}, ${blindness}: series ${pair} are ${apart.toFixed(3)} apart`,
          )
        }
      }
    }
  }
})
