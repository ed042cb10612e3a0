import { newUuid, uuidTimeMs, type Uuid } from '@weir/kernel/ids';
import type pg from 'pg';
import { insertRow, type Tenant } from './postgres-tenant.ts';

/** A row of the attempt log; what a test leaves out is valid and boring: a settled success of now that cost nothing. */
export interface TestAttempt {
  readonly attemptId?: Uuid;
  readonly kind?: 'intent' | 'settled' | 'provisional' | 'adjusted';
  readonly model?: string;
  /** Nano-USD. */
  readonly cost?: bigint;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly status?: 'SUCCESS' | 'ERROR' | 'TIMEOUT' | 'THROTTLED' | 'ABORTED' | 'INCOMPLETE' | 'UNKNOWN';
  readonly latencyMs?: number;
  readonly admittedAtMs?: number;
  /** The UTC date of the admission unless told. */
  readonly businessDate?: string;
}

const CLASSES = { intent: 'intent', settled: 'close', provisional: 'close', adjusted: 'adjust' } as const;

const dateOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

/** @returns The row as columns of `ledger.attempt_log`. */
function rowOf(tenant: Tenant, attempt: TestAttempt): Record<string, unknown> {
  const admittedAtMs =
    attempt.admittedAtMs ?? (attempt.attemptId ? uuidTimeMs(attempt.attemptId) : Date.now());
  const attemptId = attempt.attemptId ?? newUuid(admittedAtMs);
  const kind = attempt.kind ?? 'settled';
  const model = attempt.model ?? 'demo-small';
  return {
    day: dateOf(uuidTimeMs(attemptId)),
    class: CLASSES[kind],
    kind,
    attempt_id: attemptId,
    request_id: attemptId,
    attempt_number: 1,
    organization_id: tenant.organizationId,
    account_path: [tenant.ownerId, tenant.teamId],
    api_key_id: tenant.apiKeyId,
    model_requested: model,
    model_effective: model,
    provider: 'openai',
    provider_key_id: tenant.ownerId,
    decision: 'PRIMARY',
    endpoint: '/v1/chat/completions',
    stream: false,
    admitted_at_ms: admittedAtMs,
    business_date: attempt.businessDate ?? dateOf(admittedAtMs),
    ...(kind === 'intent'
      ? { hold_cost: 0, hold_tokens: 0 }
      : {
          cost: attempt.cost ?? 0n,
          input_tokens: attempt.inputTokens ?? 0,
          output_tokens: attempt.outputTokens ?? 0,
          metering_source: 'PROVIDER',
          status: attempt.status ?? 'SUCCESS',
          disconnected: false,
          latency_ms: attempt.latencyMs ?? 10,
        }),
  };
}

/**
 * Appends a row to the attempt log, as the owner of the tables may.
 * @returns The attempt's id, to append a further row of the same attempt.
 */
export async function appendAttempt(
  client: pg.ClientBase | pg.Pool,
  tenant: Tenant,
  attempt: TestAttempt = {},
): Promise<Uuid> {
  const row = rowOf(tenant, attempt);
  // In one statement, because projections may read between two.
  await insertRow(client, 'ledger.attempt_log', row, 'returning ledger.note_days(array[day])');
  return row['attempt_id'] as Uuid;
}
