/**
 * The page's entry: sets the theme before the first paint, which waits only for this small file,
 * and then loads the page itself.
 */
import './style/tokens.css'
import './style/base.css'
import './style/layout.css'
import './style/controls.css'
import './style/tiles.css'
import './charts/charts.css'
import './style/table.css'
import './style/states.css'
import './style/installed.css'
import { applyStoredTheme } from './theme.ts'

applyStoredTheme()

const root = document.getElementById('page')
if (root === null) throw new Error('index.html has no #page')
void import('./page.ts').then(({ startPage }) => startPage(root))
