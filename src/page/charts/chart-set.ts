/** The entry of the chunk with all charts that need ECharts. */
export { openRealtimeChart } from './realtime.ts'
export { openRevenueChart } from './revenue.ts'
export { openTrendChart } from './trend.ts'
