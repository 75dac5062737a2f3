/** The entry of the chunk with all charts that need ECharts. */
export { openRevenueChart } from './revenue.ts'
export { openTrendChart } from './trend.ts'
