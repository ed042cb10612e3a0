import type { ClientBase } from 'pg';
import { createDayStatement, type DayStatement } from '@weir/service/day-statement';
import type { AppliedBatch, LogReading, Projection } from '@weir/service/projection-step';
import { applyUsageText } from './apply-usage-sql.ts';

export const ANALYTICS_PROJECTOR_ROLE = 'weir_analytics_projector';

interface Applied {
  readonly rows: number;
  readonly xid: string;
  readonly seq: string;
}

const APPLY: DayStatement<Applied> = createDayStatement('analytics-apply', applyUsageText);

async function apply(
  client: ClientBase,
  { after, belowXid, days }: LogReading,
  limit: number,
): Promise<AppliedBatch | undefined> {
  const { rows } = await APPLY.query(client, days, [after.xid, after.seq, belowXid, limit]);
  const [batch] = rows;
  return batch && { rows: batch.rows, last: { xid: batch.xid, seq: batch.seq } };
}

/** Usage events and the hourly and daily sums per node, in one transaction with the cursor. */
export const usageProjection: Projection = {
  name: 'analytics',
  cursorTable: 'analytics.projection_cursor',
  apply,
};
