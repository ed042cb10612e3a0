import { z } from 'zod';
import { SYSTEM_ROLES } from '@weir/contracts/permission-matrix';
import { limitSetSchema } from '@weir/contracts/policy-snapshot';

/** What budgets may do at their limit; the billing service says the same. */
export const BUDGET_ENFORCEMENTS = ['WARN', 'BLOCK', 'NOTIFY'] as const;

const days = z.int().min(1);

/**
 * What an organization decides for its members, its keys and its records. Rows keep only what differs from the defaults,
 * so a default that changes later reaches everybody who has not chosen.
 */
export const organizationSettingsSchema = z.object({
  passwordPolicy: z
    .object({
      /** Characters of a new password. */
      lengthMin: z.int().default(12),
    })
    .prefault({}),
  sessions: z
    .object({
      /** A session that has not been used for so long is over; null: only the life of its refresh token ends it. */
      idleMinutes: z.int().nullable().default(null),
      /** A person's sessions in the organization; beyond it the oldest ends. Null: any number. */
      concurrentMax: z.int().nullable().default(null),
    })
    .prefault({}),
  /** Members with one of these roles act only after they have enrolled a second factor. */
  mfaRequiredRoles: z.array(z.enum(SYSTEM_ROLES)).default([]),
  invitations: z
    .object({
      /** How long one can be accepted after it was sent. */
      lifeDays: days.max(30).default(7),
    })
    .prefault({}),
  /** Addresses and networks from which members may sign in and act; null: any. */
  signInAllowIps: z.array(z.string()).nullable().default(null),
  retention: z
    .object({
      /** How long entries of the audit log are kept. */
      auditDays: days.default(2_555),
      /** How long single requests are kept; what they add up to is kept longer. */
      usageDays: days.default(400),
    })
    .prefault({}),
  apiKeyDefaults: z
    .object({
      /** Life of a new key whose creator says nothing; null: it does not expire. */
      expiresInDays: days.nullable().default(null),
      /** Limits of a new key whose creator gives none. */
      limits: limitSetSchema.default({}),
    })
    .prefault({}),
  budgetDefaults: z
    .object({
      enforcement: z.enum(BUDGET_ENFORCEMENTS).default('BLOCK'),
      /** Percentages, ascending. */
      thresholds: z.array(z.int()).default([50, 80, 100]),
      graceMinutes: z.int().default(0),
    })
    .prefault({}),
  /** By name; one that is not here is off. */
  featureFlags: z.record(z.string(), z.boolean()).default({}),
});

export type OrganizationSettings = z.output<typeof organizationSettingsSchema>;

/** What is stored: any part may be missing. */
export type StoredSettings = z.input<typeof organizationSettingsSchema>;

export const DEFAULT_SETTINGS: OrganizationSettings = organizationSettingsSchema.parse({});
