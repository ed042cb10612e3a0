import { encodeId } from '@weir/kernel/ids';
import type { RoutingDecision } from './routing-decisions.ts';

/** Routing decisions as administrators read them: the newest first, ids in their public form. */
export function decisionsShown(decisions: readonly RoutingDecision[]): readonly object[] {
  return decisions.map(({ atMs, requestId, modelRequested, attempts }) => ({
    at: new Date(atMs).toISOString(),
    requestId,
    modelRequested,
    attempts: attempts.map(({ providerKeyId, ...attempt }) => ({
      providerKey: encodeId('providerKey', providerKeyId),
      ...attempt,
    })),
  }));
}
