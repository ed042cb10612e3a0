import type { ClientBase } from 'pg';
import type { AppliedBatch, LogPosition, Projection } from '@weir/service/projection-step';
import { APPLY_USAGE } from './apply-usage-sql.ts';

export const ANALYTICS_PROJECTOR_ROLE = 'weir_analytics_projector';

interface Applied {
  readonly rows: number;
  readonly xid: string;
  readonly seq: string;
}

async function apply(
  client: ClientBase,
  from: LogPosition,
  limit: number,
): Promise<AppliedBatch | undefined> {
  const { rows } = await client.query<Applied>({
    name: 'analytics-apply',
    text: APPLY_USAGE,
    values: [from.xid, from.seq, limit],
  });
  const [batch] = rows;
  return batch && { rows: batch.rows, last: { xid: batch.xid, seq: batch.seq } };
}

/** Usage events and the hourly and daily sums per node, in one transaction with the cursor. */
export const usageProjection: Projection = {
  name: 'analytics',
  cursorTable: 'analytics.projection_cursor',
  apply,
};
