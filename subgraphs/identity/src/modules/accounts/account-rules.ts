import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { formatRates, parseRates, RATES_MAX_PPM } from '@weir/kernel/rates';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { AccountErrorCode } from '../../generated/resolvers-types.ts';
import { changeAccess, type AccessChange, type BindingNode } from '../access/access-change.ts';
import { changeRouting, type RoutingChange } from '../routing/routing.ts';
import type { Account } from './account.ts';
import type { AccountSettings } from './account-record.ts';
import type { ChildBounds } from './account-store.ts';

export type AccountProblem = UserErrorValue<AccountErrorCode>;

/** The proxy follows at most 100 accounts up to the root; far fewer are ever meant. */
export const DEPTH_MAX = 50;
const TIER_MAX = 1_000;
const DESCRIPTION_MAX = 500;

/** What people change of an account; undefined leaves a member as it is. */
export interface AccountChange extends AccessChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly routing?: RoutingChange | undefined;
  readonly tier?: number | undefined;
  /** A decimal, for example `1.25`. */
  readonly rates?: string | undefined;
}

/** What an account is changed within. */
export interface AccountBounds {
  /** The nodes above, the nearest first. */
  readonly above: readonly BindingNode[];
  /** Undefined for the root. */
  readonly parent: Account | undefined;
  readonly children: ChildBounds;
}

type ChangeableAccount = AccountSettings & Pick<Account, 'name' | 'description'>;

export type CheckedAccount =
  | { readonly ok: true; readonly value: ChangeableAccount }
  | { readonly ok: false; readonly error: readonly AccountProblem[] };

/** The account after the change, or everything that is wrong with it. */
export function checkAccountChange(
  current: ChangeableAccount,
  change: AccountChange,
  bounds: AccountBounds,
): CheckedAccount {
  const name = change.name === undefined ? current.name : parseDisplayName(change.name);
  const description = change.description?.trim() ?? current.description;
  const access = changeAccess(current, change, bounds.above);
  const routing = changeRouting(current.routing, change.routing ?? {});
  const tier = change.tier ?? current.tier;
  const ratesPpm = change.rates === undefined ? current.ratesPpm : parseRates(change.rates);
  const problems: AccountProblem[] = [
    ...(name === undefined ? [userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name')] : []),
    ...problemsOfDescription(description),
    ...(access.ok ? [] : access.error),
    ...(routing.ok
      ? []
      : routing.error.map(({ member, message }) => userError('INVALID_ROUTING', message, 'routing', member))),
    ...(change.tier === undefined ? [] : problemsOfTier(tier, bounds)),
    ...(change.rates === undefined ? [] : problemsOfRates(ratesPpm, bounds)),
  ];
  if (problems.length > 0 || name === undefined || ratesPpm === undefined || !access.ok || !routing.ok) {
    return { ok: false, error: problems };
  }
  return { ok: true, value: { ...access.value, routing: routing.value, name, description, tier, ratesPpm } };
}

function problemsOfDescription(text: string): AccountProblem[] {
  // Line breaks and tabs are a part of text; other control characters are a mistake.
  if (text.length <= DESCRIPTION_MAX && !/[^\P{Cc}\n\t]/u.test(text)) return [];
  const message = `A description has at most ${DESCRIPTION_MAX} printable characters.`;
  return [userError('INVALID_DESCRIPTION', message, 'description')];
}

/**
 * The path reads Tier and Rates of the key's own account alone, so that no account may have a higher Tier or lower Rates
 * than its parent at any time.
 */
function problemsOfTier(tier: number, { parent, children }: AccountBounds): AccountProblem[] {
  const problem = (message: string) => [userError('INVALID_TIER', message, 'tier')] as const;
  if (!Number.isInteger(tier) || tier < 0 || tier > TIER_MAX) {
    return [...problem(`A Tier is a whole number from 0 to ${TIER_MAX}.`)];
  }
  if (parent && tier > parent.tier) {
    return [...problem(`The Tier cannot be above ${parent.tier}, the Tier of the account "${parent.name}".`)];
  }
  if (children.tierMax !== null && tier < children.tierMax) {
    return [...problem(`An account below it has Tier ${children.tierMax}: lower that one first.`)];
  }
  return [];
}

function problemsOfRates(ppm: bigint | undefined, { parent, children }: AccountBounds): AccountProblem[] {
  const problem = (message: string) => [userError('INVALID_RATES', message, 'rates')] as const;
  if (ppm === undefined) {
    const largest = formatRates(RATES_MAX_PPM);
    return [...problem(`Rates are a decimal from 0 to ${largest} with at most six places, such as 1.25.`)];
  }
  if (parent && ppm < parent.ratesPpm) {
    const least = formatRates(parent.ratesPpm);
    return [...problem(`Rates cannot be below ${least}, the Rates of the account "${parent.name}".`)];
  }
  if (children.ratesPpmMin !== null && ppm > children.ratesPpmMin) {
    return [
      ...problem(`An account below it has Rates ${formatRates(children.ratesPpmMin)}: raise those first.`),
    ];
  }
  return [];
}
