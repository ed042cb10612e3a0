import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { authorize, idOfActor, requireSignedIn, type SignedInActor } from '@weir/graphql/authorization';
import type { Clock } from '@weir/kernel/clock';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { MAX_COUNTER_NANO_USD } from '@weir/kernel/money';
import { businessDate } from '@weir/kernel/period';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { queryOfTransaction, type Query } from '../../query.ts';
import { lockAlerts } from '../alerts/raise-alerts.ts';
import { readZone } from '../budgets/budget-standing.ts';
import { granted, openLots, OPEN_LOTS_MAX, type AccountCredit, type CreditLot } from './credit.ts';
import { checkGrant, problem, type CreditProblem, type GrantTerms } from './credit-rules.ts';
import { createCreditStore, readCredits, type CreditDay } from './credit-store.ts';

export interface GrantInput extends Partial<GrantTerms> {
  readonly accountId: Uuid;
  readonly amount: string;
}

const DEFAULT_VALID_DAYS = 365;
const DEFAULT_REFERENCE = 'Recharge';

type Outcome<T> = Result<T, readonly CreditProblem[]>;

export interface CreditService {
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN; an account of another organization is a problem. */
  grant(identity: InternalIdentity, input: GrantInput): Promise<Outcome<CreditLot>>;
  setEnforced(identity: InternalIdentity, accountId: Uuid, isEnforced: boolean): Promise<Outcome<Uuid>>;
}

export interface CreditServiceDeps {
  readonly db: Database;
  readonly clock: Clock;
}

const noAccount: Outcome<never> = err([
  problem('ACCOUNT_NOT_FOUND', 'The organization has no such account.', 'accountId'),
]);

/** Within a transaction of the organization. */
interface Opened {
  readonly tx: Transaction;
  readonly identity: InternalIdentity;
  readonly query: Query;
  readonly organizationId: Uuid;
  readonly actor: SignedInActor;
  readonly day: CreditDay;
  /** Begins the account's credit where it has not, and keeps it from changing until the transaction ends. */
  begin(): Promise<AccountCredit>;
}

/** A new lot is another one to be spent; merging lots and transfers would be further functions beside this one. */
async function grantLot(
  { tx, identity, query, organizationId, actor, day, begin }: Opened,
  { accountId, amount, validDays = DEFAULT_VALID_DAYS, reference = DEFAULT_REFERENCE }: GrantInput,
  nowMs: number,
): Promise<Outcome<CreditLot>> {
  const { problems, amountNano } = checkGrant({ amount, validDays, reference });
  if (problems.length > 0) return err(problems);
  const before = await begin();
  if (granted(before) + amountNano > MAX_COUNTER_NANO_USD) {
    const message = 'All that is ever granted to an account may be 9007199.254740991 USD.';
    return err([problem('INVALID_AMOUNT', message, 'amount')]);
  }
  if (openLots(before).length >= OPEN_LOTS_MAX) {
    const message = `The account has ${OPEN_LOTS_MAX} lots with something left, which is the most.`;
    return err([problem('TOO_MANY_LOTS', message, 'accountId')]);
  }
  const id = newUuid(nowMs);
  await createCreditStore(query).grant({
    id,
    organizationId,
    accountId,
    amount: amountNano,
    grantedAtMs: nowMs,
    grantedOn: day.today,
    validDays,
    reference: reference.trim(),
    grantedBy: idOfActor(actor),
  });
  const lot = (await creditOf(query, accountId, day)).lots.find((other) => other.id === id);
  if (!lot) throw new Error('a lot that was granted is there');
  await recordAudit(tx, identity, {
    organizationId,
    action: 'credit.grant',
    target: { type: 'account', id: accountId },
    metadata: { lotId: encodeId('creditLot', id), amount: amountNano, expiresOn: lot.expiresOn, reference },
  });
  return ok(lot);
}

async function creditOf(query: Query, accountId: Uuid, day: CreditDay): Promise<AccountCredit> {
  const [credit] = await readCredits(query, [accountId], day);
  if (!credit) throw new Error('credit that has begun is there');
  return credit;
}

export function createCreditService({ db, clock }: CreditServiceDeps): CreditService {
  const change = <T>(
    identity: InternalIdentity,
    accountId: Uuid,
    work: (opened: Opened) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> => {
    requireSignedIn(identity);
    const { organizationId } = identity;
    if (organizationId === null) return Promise.resolve(noAccount);
    const actor = authorize(identity, 'billing:write', { organizationId });
    return withTenant(db, { organizationId }, async (tx) => {
      const query = queryOfTransaction(tx);
      const store = createCreditStore(query);
      if (!(await store.hasAccount(organizationId, accountId))) return noAccount;
      const timeZone = await readZone(query, organizationId);
      const day = { today: businessDate(clock.now(), timeZone), timeZone };
      return work({
        tx,
        identity,
        query,
        organizationId,
        actor,
        day,
        async begin() {
          // The projection holds it while it applies a batch: credit begins between two batches.
          await lockAlerts(query);
          await store.begin(organizationId, accountId, day.today);
          return creditOf(query, accountId, day);
        },
      });
    });
  };
  return {
    grant: (identity, input) =>
      change(identity, input.accountId, (opened) => grantLot(opened, input, clock.now())),
    setEnforced: (identity, accountId, isEnforced) =>
      change(identity, accountId, async ({ tx, query, organizationId, begin }) => {
        await begin();
        await createCreditStore(query).setEnforced(accountId, isEnforced);
        await recordAudit(tx, identity, {
          organizationId,
          action: 'credit.enforce',
          target: { type: 'account', id: accountId },
          metadata: { isEnforced },
        });
        return ok(accountId);
      }),
  };
}
