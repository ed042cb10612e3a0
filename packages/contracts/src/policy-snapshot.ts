import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import type { Price } from '@weir/kernel/pricing';

/**
 * What `policy.snapshot(key_hash)` answers: everything the proxy needs to decide about one API key, in one value.
 * It is immutable, kept per process, and replaced when its organization's epoch moves.
 */
const uuid = z.uuid().transform((text) => text as Uuid);
const bigint = z.union([z.string().regex(/^-?\d{1,19}$/), z.int()]).transform((value) => BigInt(value));
const instantMs = z.number();
const names = z.array(z.string());

export const limitSetSchema = z.object({
  requestsPerMinute: z.int().nullish(),
  requestsPerHour: z.int().nullish(),
  requestsPerDay: z.int().nullish(),
  tokensPerMinute: z.int().nullish(),
  tokensPerHour: z.int().nullish(),
  tokensPerDay: z.int().nullish(),
  concurrency: z.int().nullish(),
});

/** `pattern` may hold `*`; the best match wins (exact, then longer literal part, then earlier entry). */
export const modelLimitSchema = z.object({ pattern: z.string(), limits: limitSetSchema });
export const mappingSchema = z.object({ pattern: z.string(), target: z.string() });
export const levelMappingSchema = z.object({ pattern: z.string(), level: z.int() });
export const switchOverSchema = z.object({ from: z.int(), to: z.int() });

/** Base64 parts of a secret sealed with ChaCha20-Poly1305; opened per call in the proxy, never kept open. */
export const sealedSecretSchema = z.object({ ciphertext: z.string(), nonce: z.string(), version: z.int() });

/** Lists are null where nothing is restricted; an empty list allows nothing. */
const accessSchema = z.object({
  allowIps: names.nullable(),
  allowModels: names.nullable(),
  /** Bounds where a request may drift to, not where it starts. */
  allowLevels: z.array(z.int()).nullable(),
  resources: names.nullable(),
  limits: limitSetSchema,
  modelLimits: z.array(modelLimitSchema),
});

export const snapshotOrganizationSchema = z.object({
  id: uuid,
  slug: z.string(),
  status: z.enum(['ACTIVE', 'TRIAL', 'SUSPENDED', 'CLOSED']),
  timeZone: z.string(),
  limits: limitSetSchema,
  modelLimits: z.array(modelLimitSchema),
});

export const snapshotAccountSchema = accessSchema.extend({
  id: uuid,
  kind: z.enum(['OWNER', 'TEAM', 'PROJECT', 'SUB_ACCOUNT', 'SERVICE_ACCOUNT']),
  name: z.string(),
  status: z.enum(['ACTIVE', 'SUSPENDED', 'DELETED']),
  level: z.int(),
  /** 0 stays on its Level, 1 follows Switch Over, 2 also model failover. */
  gear: z.int(),
  tier: z.int(),
  /** Rates in parts per million. */
  ratesPpm: bigint,
  modelMapper: z.array(mappingSchema),
  levelMapper: z.array(levelMappingSchema),
  switchOver: z.array(switchOverSchema),
  modelFailover: z.array(mappingSchema),
  /** Whether conversations stay on one provider key; null leaves it to the account above. */
  stickyRouting: z.boolean().nullable(),
});

export const snapshotKeySchema = accessSchema.extend({
  id: uuid,
  name: z.string(),
  status: z.enum(['ACTIVE', 'SUSPENDED', 'REVOKED']),
  expiresAtMs: instantMs.nullable(),
  scopes: names,
  disconnectPolicy: z.enum(['ABORT', 'DRAIN']),
  /** Which revisions of models it reaches; `models` holds those alone. */
  environment: z.enum(['DEVELOPMENT', 'STAGING', 'PRODUCTION']),
  /** Whether a request without a valid signature is refused. */
  requireSignature: z.boolean(),
  /** What signs requests, sealed with the owner's key; null for a key that signs nothing. */
  signing: z.object({ ownerId: uuid, secret: sealedSecretSchema, ownerKey: sealedSecretSchema }).nullable(),
});

const priceSchema: z.ZodType<Price> = z.object({
  id: z.string(),
  validFromMs: instantMs,
  tier: z.int(),
  isOwn: z.boolean(),
  input: bigint,
  cachedInput: bigint,
  cacheWrite: bigint,
  output: bigint,
  reasoning: bigint,
  perRequest: bigint,
  perImage: bigint,
  perAudioSecond: bigint,
});

export const snapshotModelSchema = z.object({
  id: uuid,
  /** The effective name: routing, limits and price use it. */
  name: z.string(),
  aliases: names,
  /** Names under which providers report the same model, for example with a date. */
  snapshots: names,
  enabled: z.boolean(),
  contextTokens: z.int(),
  maxOutputTokens: z.int(),
  minTier: z.int(),
  capabilities: names,
  prices: z.array(priceSchema),
});

export const snapshotProviderKeySchema = z.object({
  id: uuid,
  ownerId: uuid,
  name: z.string(),
  provider: z.enum(['openai', 'azure', 'anthropic', 'vertex']),
  baseUrl: z.string(),
  level: z.int(),
  /** Its share among the keys of its Level; 0 gives it nothing. */
  weight: z.int().min(0),
  /** Serves only when no healthy key of its Level is left. */
  isDegraded: z.boolean(),
  /** What only this kind of provider needs; read by its adapter. */
  config: z.record(z.string(), z.unknown()),
  secret: sealedSecretSchema,
  /** The owner's 32-byte key, sealed with the master key. */
  ownerKey: sealedSecretSchema,
});

/** A provider key that serves nobody, and why. */
export const unusedProviderKeySchema = z.object({
  id: uuid,
  name: z.string(),
  provider: z.enum(['openai', 'azure', 'anthropic', 'vertex']),
  level: z.int(),
  status: z.enum(['DISABLED', 'KILLED']),
  reason: z.string().nullable(),
});

export const budgetSchema = z.object({
  id: uuid,
  name: z.string(),
  nodeKind: z.enum(['ORGANIZATION', 'ACCOUNT', 'API_KEY']),
  nodeId: uuid,
  metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
  /** Nano-USD for COST, a count otherwise. */
  limit: bigint,
  period: z.enum(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL']),
  /** Model patterns; null means every model. */
  models: names.nullable(),
  enforcement: z.enum(['WARN', 'BLOCK', 'NOTIFY']),
  graceMinutes: z.int(),
  /**
   * When it began to block last: what counted it before has not seen what was spent in between. Null where that is not
   * known, which is longer ago than any change of policy takes.
   */
  blocksSinceMs: z.number().nullable(),
});

/** Prepaid credit of an account that its requests, and all below it, may not exceed. */
export const creditSchema = z.object({
  accountId: uuid,
  /** Everything that was ever granted, in nano-USD. What was spent of it or lapsed is for the counters to know. */
  granted: bigint,
  /** When it began to be enforced last, as of a budget. */
  enforcedSinceMs: z.number().nullable(),
});

export const policySnapshotSchema = z.object({
  /** Grows with every change that may alter this snapshot. */
  epoch: bigint,
  organization: snapshotOrganizationSchema,
  /** From the root (OWNER) down to the account that owns the key. */
  accounts: z.array(snapshotAccountSchema).min(1),
  key: snapshotKeySchema,
  models: z.array(snapshotModelSchema),
  /** Usable provider keys of the organization; which one serves is decided by Level. */
  providerKeys: z.array(snapshotProviderKeySchema),
  unusedProviderKeys: z.array(unusedProviderKeySchema),
  /** Active budgets on the organization, any account of the chain, or the key. */
  budgets: z.array(budgetSchema),
  /** Accounts of the chain whose credit is enforced. */
  credits: z.array(creditSchema),
});

export type LimitSet = z.output<typeof limitSetSchema>;
export type ModelLimit = z.output<typeof modelLimitSchema>;
export type SealedSecret = z.output<typeof sealedSecretSchema>;
export type SnapshotAccount = z.output<typeof snapshotAccountSchema>;
export type SnapshotModel = z.output<typeof snapshotModelSchema>;
export type SnapshotProviderKey = z.output<typeof snapshotProviderKeySchema>;
export type UnusedProviderKey = z.output<typeof unusedProviderKeySchema>;
export type SnapshotBudget = z.output<typeof budgetSchema>;
export type SnapshotCredit = z.output<typeof creditSchema>;
export type PolicySnapshot = z.output<typeof policySnapshotSchema>;
