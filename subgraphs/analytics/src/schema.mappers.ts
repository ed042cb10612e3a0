/** Runtime types behind the types of the schema; codegen.yml names them. */
export type { UsageReport as UsageSeriesMapper } from './modules/usage/usage.ts';
