import { AppError } from '@weir/kernel/errors';
import { decodeId, encodeId, isUuid } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import type { ReadRoute } from '../http/read-routes.ts';
import { consumptionBody } from './consumption.ts';
import type { KeyReads, RecordedAttempt } from './key-reads.ts';

/**
 * `GET /v1/audit/requests/{id}`: what became of one request. A key sees its own requests; one with the scope `admin`
 * those of every key of its account and of the accounts below. A request that was denied left no attempt and is not found.
 */
export function createAuditRoute(reads: KeyReads): ReadRoute {
  return {
    path: '/v1/audit/requests',
    aliases: ['/audit/requests'],
    scope: 'inference:read',
    takesRest: 'always',
    async answer({ policy, rest }) {
      const { organization, key } = policy.snapshot;
      const requestId = decodeId('request', rest);
      const reach = key.scopes.includes('admin') ? { accountId: policy.account.id } : { apiKeyId: key.id };
      const attempts = requestId ? await reads.attempts(organization.id, requestId, reach) : [];
      const [first] = attempts;
      if (!first) throw notFound(rest);
      const cost = attempts.reduce((sum, { costNano }) => sum + costNano, 0n);
      return {
        id: rest,
        object: 'request',
        api_key_id: encodeId('apiKey', first.apiKeyId),
        model_requested: first.modelRequested,
        endpoint: first.endpoint,
        stream: first.stream,
        business_date: first.businessDate,
        total_cost: formatUsd(cost),
        total_cost_nano_usd: cost.toString(),
        attempts: attempts.map(attemptBody),
      };
    },
  };
}

function attemptBody(attempt: RecordedAttempt) {
  const { heldCostNano, priceId } = attempt;
  return {
    id: encodeId('attempt', attempt.id),
    number: attempt.number,
    model: attempt.modelEffective,
    provider: attempt.provider,
    provider_key_id: encodeId('providerKey', attempt.providerKeyId),
    routing_decision: attempt.decision,
    admission: {
      decision: 'ADMITTED',
      at: new Date(attempt.admittedAtMs).toISOString(),
      held_tokens: attempt.heldTokens,
      held_cost: heldCostNano === null ? null : formatUsd(heldCostNano),
    },
    status: attempt.status ?? 'RUNNING',
    upstream_status: attempt.upstreamStatus,
    error_code: attempt.errorCode,
    disconnected: attempt.disconnected,
    usage: consumptionBody(attempt),
    price_id: priceId !== null && isUuid(priceId) ? encodeId('price', priceId) : priceId,
    metering_source: attempt.meteringSource,
    metering: attempt.kind,
    latency_ms: attempt.latencyMs,
    time_to_first_byte_ms: attempt.timeToFirstByteMs,
  };
}

function notFound(id: string): AppError {
  return new AppError(
    'NOT_FOUND',
    `No attempt of a request ${id.slice(0, 64)} is recorded for this API key. Requests that were denied leave none.`,
  );
}
