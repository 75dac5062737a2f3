/** The layout of the charts: rows of a grid of twelve columns, top to bottom. */
import { CHARTS, DASHBOARD } from '../../dashboard-definition.ts'
import { CHART_IDS, chartUuid, type SupersetChartId } from './charts.ts'

type Place = Readonly<{ id: SupersetChartId; width: number; height: number }>

const ROWS: readonly Readonly<{ name: string; places: readonly Place[] }>[] = [
  { name: 'totals', places: [{ id: 'totals', width: 12, height: 22 }] },
  {
    name: 'ranges',
    places: [
      { id: 'trend', width: 6, height: 44 },
      { id: 'revenue', width: 6, height: 44 },
    ],
  },
  { name: 'realtime', places: [{ id: 'realtime', width: 12, height: 34 }] },
  { name: 'windows', places: [{ id: 'windows', width: 12, height: 60 }] },
]

/** The chart's number in the bundle; the import replaces it with Superset's own everywhere. */
export function numberInBundle(id: SupersetChartId): number {
  return CHART_IDS.indexOf(id) + 1
}

export function layoutOf(): Readonly<Record<string, unknown>> {
  const rows = ROWS.map(({ name, places }) => ({ key: `ROW-${name}`, places }))
  const charts = rows.flatMap(({ key, places }) => places.map((place) => chartNode(key, place)))
  return {
    DASHBOARD_VERSION_KEY: 'v2',
    ROOT_ID: { id: 'ROOT_ID', type: 'ROOT', children: ['GRID_ID'] },
    GRID_ID: {
      id: 'GRID_ID',
      type: 'GRID',
      children: rows.map(({ key }) => key),
      parents: ['ROOT_ID'],
    },
    HEADER_ID: { id: 'HEADER_ID', type: 'HEADER', meta: { text: DASHBOARD.title } },
    ...Object.fromEntries(rows.map(({ key, places }) => [key, rowNode(key, places)])),
    ...Object.fromEntries(charts.map((node) => [node.id, node])),
  }
}

function rowNode(key: string, places: readonly Place[]) {
  return {
    id: key,
    type: 'ROW',
    children: places.map(({ id }) => `CHART-${id}`),
    parents: ['ROOT_ID', 'GRID_ID'],
    meta: { background: 'BACKGROUND_TRANSPARENT' },
  }
}

function chartNode(row: string, { id, width, height }: Place) {
  return {
    id: `CHART-${id}`,
    type: 'CHART',
    children: [],
    parents: ['ROOT_ID', 'GRID_ID', row],
    meta: {
      chartId: numberInBundle(id),
      uuid: chartUuid(id),
      sliceName: CHARTS[id].title,
      width,
      height,
    },
  }
}
