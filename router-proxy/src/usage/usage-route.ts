import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { encodeId } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import type { ReadRoute } from '../http/read-routes.ts';
import type { Policy } from '../keys/policy.ts';
import type { AdmissionGate } from '../metering/contract.ts';
import { routeModel, type ModelRoute } from '../routing/model-route.ts';
import { consumptionBody, totalTokens } from './consumption.ts';
import type { DailyUsage, KeyReads } from './key-reads.ts';
import { bindingOf, inspectRequestAt, limitsBody } from './limits-report.ts';
import { parseUsageQuery, type UsageRange } from './usage-query.ts';

export interface UsageRouteDeps {
  readonly reads: KeyReads;
  readonly gate: AdmissionGate;
  readonly clock: Clock;
}

/** `GET /v1/usage`: what the key has consumed, day by day and model by model, and how all that limits it stands. */
export function createUsageRoute({ reads, gate, clock }: UsageRouteDeps): ReadRoute {
  return {
    path: '/v1/usage',
    aliases: ['/usage'],
    scope: 'inference:read',
    takesRest: 'never',
    async answer({ policy, query, signal }) {
      const { organization, key } = policy.snapshot;
      const range = parseUsageQuery(query, clock.now(), organization.timeZone);
      const route = range.model === null ? null : routeOf(policy, range.model);
      const model = route?.model.name ?? range.model;
      const binding = bindingOf(policy, route);
      const [rows, inspection] = await Promise.all([
        reads.usage({ ...range, organizationId: organization.id, apiKeyId: key.id, model }),
        gate.inspect((nowMs) => inspectRequestAt(policy, binding, nowMs), signal),
      ]);
      return {
        object: 'usage',
        ...usageBody(range, model, organization.timeZone, rows),
        api_key: {
          id: encodeId('apiKey', key.id),
          name: key.name,
          expires_at: key.expiresAtMs === null ? null : new Date(key.expiresAtMs).toISOString(),
        },
        ...limitsBody(policy, binding, inspection),
      };
    },
  };
}

/** Undefined limits for a model that is gone or may not be used any more; what it consumed can still be asked for. */
function routeOf(policy: Policy, name: string): ModelRoute | null {
  try {
    return routeModel(policy, name);
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}

function usageBody(
  { startDate, endDate }: UsageRange,
  model: string | null,
  timeZone: string,
  rows: readonly DailyUsage[],
) {
  const cost = rows.reduce((sum, { costNano }) => sum + costNano, 0n);
  return {
    start_date: startDate,
    end_date: endDate,
    time_zone: timeZone,
    model,
    usage: rows.map((row) => ({
      date: row.date,
      model: row.model,
      requests: row.requests,
      ...consumptionBody(row),
    })),
    total_requests: rows.reduce((sum, { requests }) => sum + requests, 0),
    total_tokens: rows.reduce((sum, row) => sum + totalTokens(row), 0),
    total_cost: formatUsd(cost),
    total_cost_nano_usd: cost.toString(),
  };
}
