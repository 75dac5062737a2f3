// Draws the icons of the installed page (src/page/public/*.png) from favicon.svg, with Chromium.
// usage: node scripts/page-icons.ts

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launchChromium } from '../test/browser/support/chromium.ts'

const FOLDER = join(import.meta.dirname, '../src/page/public')
/** The ground of the sign in favicon.svg. */
const GROUND = '#3a48d6'
/** `fill` covers the corners, for systems that cut icons to a shape; the sign keeps clear of them. */
const ICONS = [
  { name: 'icon-192.png', size: 192, fill: false },
  { name: 'icon-512.png', size: 512, fill: false },
  { name: 'icon-maskable.png', size: 512, fill: true },
  { name: 'apple-touch-icon.png', size: 180, fill: true },
] as const
const SIGN_SHARE = 0.8

const svg = await readFile(join(FOLDER, 'favicon.svg'), 'utf8')
const browser = await launchChromium()
try {
  for (const { name, size, fill } of ICONS) {
    const page = await browser.newPage({ viewport: { width: size, height: size } })
    const shown = fill ? size * SIGN_SHARE : size
    await page.setContent(
      `<style>body{margin:0;height:100vh;display:grid;place-items:center}svg{width:${shown}px}` +
        `${fill ? `body{background:${GROUND}}` : ''}</style>${svg}`,
    )
    await writeFile(join(FOLDER, name), await page.screenshot({ omitBackground: true }))
    await page.close()
  }
} finally {
  await browser.close()
}
