import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient, type Prisma } from '../generated/client.ts';

/** The database roles that exist; a service's role reaches its own schema and nothing else. */
export const DATABASE_ROLES = [
  'weir_identity',
  'weir_billing',
  'weir_analytics',
  'weir_proxy',
  'weir_billing_projector',
  'weir_analytics_projector',
] as const;

export type DatabaseRole = (typeof DATABASE_ROLES)[number];

export type Database = PrismaClient;

/** What a store takes, so that the same code runs inside and outside a transaction. */
export type Db = PrismaClient | Prisma.TransactionClient;

export interface DatabaseOptions {
  readonly url: string;
  /** Set when a connection starts; one login that was granted the role is enough. */
  readonly role: DatabaseRole;
  /** Connections at most; 10 unless told. */
  readonly max?: number;
  /** A statement that takes longer is cancelled; 15 s unless told. */
  readonly statementTimeoutMs?: number;
  readonly onError?: (error: Error) => void;
}

/**
 * A Prisma client over its own pool. Connections open lazily; close it with `$disconnect()`.
 * Tenant tables show rows only inside `withTenant`.
 */
export function createDatabase(options: DatabaseOptions): Database {
  const report = options.onError ?? ((): void => undefined);
  const { url, given } = withoutStartupOptions(options.url);
  const statementTimeoutMs = String(options.statementTimeoutMs ?? 15_000);
  const adapter = new PrismaPg(
    {
      connectionString: url,
      options: `${given} -c role=${options.role} -c statement_timeout=${statementTimeoutMs} -c timezone=UTC`,
      application_name: options.role,
      max: options.max ?? 10,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
    },
    { onPoolError: report, onConnectionError: report },
  );
  return new PrismaClient({ adapter, errorFormat: 'minimal' });
}

/** An `options` parameter of the URL would replace ours, so both are joined. */
function withoutStartupOptions(text: string): { readonly url: string; readonly given: string } {
  if (!text.includes('options=')) return { url: text, given: '' };
  const url = new URL(text);
  const given = url.searchParams.get('options') ?? '';
  url.searchParams.delete('options');
  return { url: url.href, given };
}
