import type { Uuid } from '@weir/kernel/ids';
import { firstInstantOf } from '@weir/kernel/time-zone';
import type { Query } from '../../query.ts';
import type { AccountCredit, CreditLot } from './credit.ts';

/** The business day for which credit is told. */
export interface CreditDay {
  readonly today: string;
  readonly timeZone: string;
}

/** One row per lot, in the order in which they are spent, and one without a lot for what none of them covers. */
const READ = `
  select c.account_id::text as account_id, c.is_enforced, l.id::text as lot_id, l.amount::text as amount,
         s.used::text as used, s.lapsed::text as lapsed, l.reference, l.expires_on::text as expires_on,
         (extract(epoch from l.granted_at) * 1000)::float8 as granted_at_ms
  from billing.credit_accounts c
  cross join lateral ledger.credit_lots(c.organization_id, c.account_id, $2::date) s
  left join billing.credit_lots l on l.id = s.lot_id
  where c.account_id = any ($1::uuid[])
  order by c.account_id, l.expires_on, l.granted_at, l.id`;

interface CreditRow {
  readonly account_id: Uuid;
  readonly is_enforced: boolean;
  readonly lot_id: Uuid | null;
  readonly amount: string;
  readonly used: string;
  readonly lapsed: string;
  readonly reference: string;
  readonly expires_on: string;
  readonly granted_at_ms: number;
}

/** Credit of the accounts that have any, as row-level security lets them be seen. */
export async function readCredits(
  query: Query,
  accountIds: readonly Uuid[],
  { today, timeZone }: CreditDay,
): Promise<readonly AccountCredit[]> {
  const rows = await query<CreditRow>(READ, [accountIds, today]);
  return [...Map.groupBy(rows, (row) => row.account_id).entries()].map(([accountId, ofAccount]) => ({
    accountId,
    isEnforced: ofAccount[0]?.is_enforced === true,
    lots: ofAccount.flatMap((row) => lotOf(row, timeZone)),
    debt: BigInt(ofAccount.find((row) => row.lot_id === null)?.used ?? 0),
  }));
}

function lotOf(row: CreditRow, timeZone: string): CreditLot[] {
  if (row.lot_id === null) return [];
  return [
    {
      id: row.lot_id,
      amount: BigInt(row.amount),
      used: BigInt(row.used),
      lapsed: BigInt(row.lapsed),
      grantedAtMs: row.granted_at_ms,
      expiresOn: row.expires_on,
      expiresAtMs: startOf(row.expires_on, timeZone),
      reference: row.reference,
    },
  ];
}

function startOf(date: string, timeZone: string): number {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  return firstInstantOf({ year, month, day }, timeZone);
}

const NODE_EXISTS = `select policy.node_exists($1::uuid, 'ACCOUNT', $2::uuid) as exists`;

/**
 * Credit begins with what was spent so far on the present day set aside. The caller holds the lock of the projection, so
 * that what is in node_spend is what its cursor says, and every later row counts.
 */
const BEGIN = `
  insert into billing.credit_accounts (account_id, organization_id, started_on, spent_before)
  select $2::uuid, $1::uuid, $3::date, coalesce(sum(s.cost_nano), 0)
  from billing.node_spend s where s.node_id = $2::uuid and s.business_date >= $3::date
  on conflict (account_id) do nothing`;

/** Grants to one account take turns. */
const LOCK = `select 1 as locked from billing.credit_accounts where account_id = $1::uuid for no key update`;

const GRANT = `
  insert into billing.credit_lots
    (id, organization_id, account_id, amount, granted_at, granted_on, expires_on, reference, granted_by)
  values ($1::uuid, $2::uuid, $3::uuid, $4::bigint, to_timestamp($5::float8 / 1000), $6::date, $6::date + $7::int, $8, $9)`;

const ENFORCE = `
  update billing.credit_accounts set is_enforced = $2, updated_at = now()
  where account_id = $1::uuid and is_enforced <> $2`;

export interface NewLot {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly accountId: Uuid;
  readonly amount: bigint;
  readonly grantedAtMs: number;
  readonly grantedOn: string;
  readonly validDays: number;
  readonly reference: string;
  /** Public id of who grants it. */
  readonly grantedBy: string;
}

/** Writes credit of the organization that the statements are scoped to. */
export function createCreditStore(query: Query) {
  return {
    async hasAccount(organizationId: Uuid, accountId: Uuid): Promise<boolean> {
      const rows = await query<{ exists: boolean }>(NODE_EXISTS, [organizationId, accountId]);
      return rows[0]?.exists === true;
    },
    /** Makes the account one with credit, where it is not, and keeps others from granting to it meanwhile. */
    async begin(organizationId: Uuid, accountId: Uuid, today: string): Promise<void> {
      await query(BEGIN, [organizationId, accountId, today]);
      await query(LOCK, [accountId]);
    },
    async grant(lot: NewLot): Promise<void> {
      const { id, organizationId, accountId, amount, grantedAtMs, grantedOn, validDays } = lot;
      await query(GRANT, [
        id,
        organizationId,
        accountId,
        amount.toString(),
        grantedAtMs,
        grantedOn,
        validDays,
        lot.reference,
        lot.grantedBy,
      ]);
    },
    async setEnforced(accountId: Uuid, isEnforced: boolean): Promise<void> {
      await query(ENFORCE, [accountId, isEnforced]);
    },
  };
}
