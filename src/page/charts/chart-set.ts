/** The charts that need ECharts, as one chunk. */
export { openRealtimeChart } from './realtime.ts'
export { openRevenueChart } from './revenue.ts'
export { openTrendChart } from './trend.ts'
