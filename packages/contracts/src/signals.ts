import { z } from 'zod';

/**
 * Postgres notifications, sent inside the transaction that changes something. A payload only says where to look;
 * whoever missed one reads the tables (by epoch, by cursor, by id), so losing a signal delays and never loses.
 */
export const signalSchemas = {
  /** An organization's policy moved to `epoch`; a null organization means everyone's. */
  policy: z.object({ organizationId: z.uuid().nullable(), epoch: z.string() }),
  /** Rows were appended to the attempt log. */
  ledger: z.object({}),
  alert: z.object({ organizationId: z.uuid(), alertId: z.uuid() }),
  /** An API key is about to expire. */
  expiry: z.object({ organizationId: z.uuid(), apiKeyId: z.uuid() }),
  session: z.object({ sessionId: z.uuid().nullable(), userId: z.uuid().nullable() }),
  /** A mail is in the outbox. */
  mail: z.object({}),
  config: z.object({ organizationId: z.uuid().nullable() }),
} as const;

export type SignalChannel = keyof typeof signalSchemas;
export type Signal<C extends SignalChannel> = z.output<(typeof signalSchemas)[C]>;
