import { setTimeout as delay } from 'node:timers/promises';
import { Prisma } from '../generated/client.ts';
import type { Database } from './database.ts';

export type Transaction = Prisma.TransactionClient;

/** Which rows the transaction may see; everything left out is invisible, so an empty scope sees nothing of a tenant. */
export interface TenantScope {
  readonly organizationId?: string | null;
  /** Lets a person find their own memberships, sessions and organizations (identity only). */
  readonly userId?: string | null;
  /**
   * Lets whoever presents it find the one row it belongs to, before anything else is known (identity only):
   * a lower-case e-mail address, or the hexadecimal SHA-256 of an API key, a refresh token or an invitation's token.
   */
  readonly credential?: string | null;
  /** Lets somebody who operates the platform find organizations, and nothing within them (identity only). */
  readonly platform?: boolean;
}

export interface TransactionOptions {
  readonly isolationLevel?: Prisma.TransactionIsolationLevel;
  /** The whole transaction, 10 s unless told. */
  readonly timeoutMs?: number;
}

const MAX_ATTEMPTS = 3;

function isSerializationFailure(thrown: unknown): boolean {
  return thrown instanceof Prisma.PrismaClientKnownRequestError && thrown.code === 'P2034';
}

/** From here on the transaction sees the rows of this scope and no others. */
export async function enterTenant(tx: Transaction, scope: TenantScope): Promise<void> {
  await tx.$executeRaw`select set_config('app.organization_id', ${scope.organizationId ?? ''}, true),
                              set_config('app.user_id', ${scope.userId ?? ''}, true),
                              set_config('app.credential', ${scope.credential ?? ''}, true),
                              set_config('app.platform', ${scope.platform === true ? 'on' : ''}, true)`;
}

/**
 * Runs `work` in one transaction that sees the rows of `scope` and no others.
 * A serialization failure or deadlock runs it again (3 attempts in all), so `work` must have no effect outside the
 * transaction and hold no network call.
 */
export async function withTenant<T>(
  db: Database,
  scope: TenantScope,
  work: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const run = () =>
    db.$transaction(
      async (tx) => {
        await enterTenant(tx, scope);
        return work(tx);
      },
      {
        maxWait: 5_000,
        timeout: options.timeoutMs ?? 10_000,
        ...(options.isolationLevel === undefined ? {} : { isolationLevel: options.isolationLevel }),
      },
    );
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (thrown) {
      if (attempt >= MAX_ATTEMPTS || !isSerializationFailure(thrown)) throw thrown;
      await delay(Math.random() * 20 * 2 ** attempt);
    }
  }
}
