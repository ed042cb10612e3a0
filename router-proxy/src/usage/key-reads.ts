import type { Pool } from 'pg';
import { z } from 'zod';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';

/** Amounts by class. Tokens and counts stay below 2^53; money does not have to. */
export interface Consumption {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly images: number;
  readonly audioMs: number;
  readonly costNano: bigint;
}

export interface DailyUsage extends Consumption {
  /** Business date. */
  readonly date: string;
  readonly model: string;
  readonly requests: number;
}

export interface RecordedAttempt extends Consumption {
  readonly id: Uuid;
  readonly number: number;
  readonly apiKeyId: Uuid;
  readonly modelRequested: string;
  readonly modelEffective: string;
  readonly provider: string;
  readonly providerKeyId: Uuid;
  readonly decision: string;
  readonly endpoint: string;
  readonly stream: boolean;
  readonly priceId: string | null;
  readonly admittedAtMs: number;
  readonly businessDate: string;
  /** Null where nothing was recorded before the attempt had ended. */
  readonly heldCostNano: bigint | null;
  readonly heldTokens: number | null;
  readonly kind: 'intent' | 'settled' | 'provisional' | 'adjusted';
  readonly meteringSource: string | null;
  /** Null while it runs. */
  readonly status: string | null;
  readonly upstreamStatus: number | null;
  readonly errorCode: string | null;
  readonly disconnected: boolean;
  readonly latencyMs: number | null;
  readonly timeToFirstByteMs: number | null;
}

export interface UsageQuery {
  readonly organizationId: Uuid;
  readonly apiKeyId: Uuid;
  /** Business dates, both included. */
  readonly startDate: string;
  readonly endDate: string;
  /** Effective name; null for all. */
  readonly model: string | null;
}

/** Whose requests a key sees: its own, or those of an account and everything that was below it at the time. */
export type Reach = { readonly apiKeyId: Uuid } | { readonly accountId: Uuid };

/** What a key may read about itself. Rejects with AppError DEPENDENCY_UNAVAILABLE when Postgres does not answer. */
export interface KeyReads {
  usage(query: UsageQuery): Promise<readonly DailyUsage[]>;
  attempts(organizationId: Uuid, requestId: Uuid, reach: Reach): Promise<readonly RecordedAttempt[]>;
}

const uuid = z.uuid().transform((text) => text as Uuid);
const count = z.string().transform(Number);
const money = z.string().transform((text) => BigInt(text));

const consumption = {
  inputTokens: count,
  cachedInputTokens: count,
  cacheWriteTokens: count,
  outputTokens: count,
  reasoningTokens: count,
  images: count,
  audioMs: count,
  costNano: money,
};
const usageRows = z.array(z.object({ date: z.string(), model: z.string(), requests: count, ...consumption }));
const attemptRows = z.array(
  z.object({
    id: uuid,
    number: z.int(),
    apiKeyId: uuid,
    modelRequested: z.string(),
    modelEffective: z.string(),
    provider: z.string(),
    providerKeyId: uuid,
    decision: z.string(),
    endpoint: z.string(),
    stream: z.boolean(),
    priceId: z.string().nullable(),
    admittedAtMs: count,
    businessDate: z.string(),
    heldCostNano: money.nullable(),
    heldTokens: count.nullable(),
    ...consumption,
    kind: z.enum(['intent', 'settled', 'provisional', 'adjusted']),
    meteringSource: z.string().nullable(),
    status: z.string().nullable(),
    upstreamStatus: z.int().nullable(),
    errorCode: z.string().nullable(),
    disconnected: z
      .boolean()
      .nullable()
      .transform((value) => value === true),
    latencyMs: z.int().nullable(),
    timeToFirstByteMs: z.int().nullable(),
  }),
);

const AMOUNTS = `
  input_tokens::text as "inputTokens", cached_input_tokens::text as "cachedInputTokens",
  cache_write_tokens::text as "cacheWriteTokens", output_tokens::text as "outputTokens",
  reasoning_tokens::text as "reasoningTokens", images::text, audio_ms::text as "audioMs", cost::text as "costNano"`;

const USAGE = `
  select business_date::text as date, model, requests::text, ${AMOUNTS}
  from analytics.key_usage($1, $2, $3, $4, $5)`;

const ATTEMPTS = `
  select attempt_id as id, attempt_number as number, api_key_id as "apiKeyId", model_requested as "modelRequested",
         model_effective as "modelEffective", provider, provider_key_id as "providerKeyId", decision, endpoint, stream,
         price_id as "priceId", admitted_at_ms::text as "admittedAtMs", business_date::text as "businessDate",
         hold_cost::text as "heldCostNano", hold_tokens::text as "heldTokens", ${AMOUNTS}, kind,
         metering_source as "meteringSource", status, upstream_status as "upstreamStatus", error_code as "errorCode",
         disconnected, latency_ms as "latencyMs", time_to_first_byte_ms as "timeToFirstByteMs"
  from analytics.request_attempts($1, $2, $3, $4)`;

/** @param pool Connects as `weir_proxy`; its own, so that reports never keep requests waiting. */
export function createKeyReads(pool: Pool): KeyReads {
  const read = async (name: string, text: string, values: readonly unknown[]): Promise<unknown> => {
    try {
      return (await pool.query<Record<string, unknown>>({ name, text, values: [...values] })).rows;
    } catch (cause) {
      throw new AppError('DEPENDENCY_UNAVAILABLE', 'Usage cannot be read right now. Try again shortly.', {
        message: 'the database did not answer a question about a key',
        cause,
        retryAfterSeconds: 1,
      });
    }
  };
  return {
    async usage({ organizationId, apiKeyId, startDate, endDate, model }) {
      const values = [organizationId, apiKeyId, startDate, endDate, model];
      return usageRows.parse(await read('key-usage', USAGE, values));
    },
    async attempts(organizationId, requestId, reach) {
      const [apiKeyId, accountId] = 'apiKeyId' in reach ? [reach.apiKeyId, null] : [null, reach.accountId];
      const values = [organizationId, requestId, apiKeyId, accountId];
      return attemptRows.parse(await read('request-attempts', ATTEMPTS, values));
    },
  };
}
