import fc from 'fast-check';
import type { AdmitRequest, Holding, Settlement, WindowLimit } from '../contract.ts';
import { slotOf } from '../window-math.ts';

/** What requests of one route ask for. */
export type Route = Pick<AdmitRequest, 'windows' | 'concurrency' | 'holdings' | 'cooldownMs' | 'leaseMs'>;

export interface Ask {
  readonly route: number;
  readonly cap: number | null;
  readonly capMin: number;
}

export interface End extends Pick<Settlement, 'cost' | 'tokens' | 'requests'> {
  readonly which: number;
  readonly leavesEvidence: boolean;
}

export type TurnStep =
  | {
      readonly do: 'turn';
      readonly waitMs: number;
      readonly ends: readonly End[];
      readonly asks: readonly Ask[];
    }
  | { readonly do: 'change'; readonly route: number; readonly to: Route }
  | { readonly do: 'reassert' | 'conclude'; readonly which: number }
  | { readonly do: 'inspect'; readonly route: number }
  | { readonly do: 'move'; readonly hours: number }
  | { readonly do: 'flush' | 'renew' | 'expired' };

export const ROUTES = 3;
/** So large that the sum of a few is still exact. */
const LARGE = 2n ** 50n;
const METRICS = { 'bud:a': 'COST', 'bud:b': 'TOKENS', 'bud:c': 'REQUESTS' } as const;

const which = fc.nat({ max: 999 });
const route = fc.nat({ max: ROUTES - 1 });
const subject = fc.constantFrom('org', 'acc', 'key', 'key|m');
const amount = (max: bigint) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.bigInt({ min: 0n, max }) },
    { weight: 1, arbitrary: fc.bigInt({ min: LARGE - 50n, max: LARGE }) },
  );

const window = fc.record<WindowLimit>({
  subject,
  metric: fc.constantFrom('requests', 'tokens'),
  window: fc.constantFrom('minute', 'hour', 'day'),
  limit: fc.integer({ min: 0, max: 12 }),
});

const holding = fc
  .record({
    counter: fc.constantFrom('bud:a', 'bud:b', 'bud:c'),
    limit: amount(200n),
    fixed: amount(20n),
    perOutputToken: fc.bigInt({ min: 0n, max: 5n }),
    graceMs: fc.constantFrom(0, 0, 30_000),
  })
  .map((given): Holding => ({ ...given, metric: METRICS[given.counter] }));

const orderOf = ({ subject: name, metric, window: length }: WindowLimit): string =>
  `${name} ${slotOf(metric, length)}`;

export const anyRoute = fc.record<Route>({
  // In the order in which callers give them, which decides who is named of equal ones.
  windows: fc
    .uniqueArray(window, { maxLength: 6, selector: orderOf })
    .map((windows) => windows.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))),
  concurrency: fc.uniqueArray(fc.record({ subject, limit: fc.nat({ max: 4 }) }), {
    maxLength: 2,
    selector: (limit) => limit.subject,
  }),
  holdings: fc.uniqueArray(holding, { maxLength: 3, selector: ({ counter }) => counter }),
  cooldownMs: fc.constantFrom(0, 1_000, 60_000),
  leaseMs: fc.constantFrom(5_000, 60_000),
});

const turn = fc.record({
  do: fc.constant('turn'),
  waitMs: fc.oneof(fc.nat({ max: 10 }), fc.nat({ max: 70_000 }), fc.nat({ max: 300_000 })),
  ends: fc.array(
    fc.record<End>({
      which,
      cost: fc.bigInt({ min: 0n, max: 40n }),
      tokens: fc.nat({ max: 20 }),
      requests: fc.constantFrom(0, 1),
      leavesEvidence: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
  asks: fc.array(
    fc.record<Ask>({
      route,
      cap: fc.option(fc.nat({ max: 30 }), { freq: 6 }),
      capMin: fc.nat({ max: 6 }),
    }),
    { maxLength: 5 },
  ),
});

export const anyTurnStep = fc.oneof<{ weight: number; arbitrary: fc.Arbitrary<TurnStep> }[]>(
  { weight: 14, arbitrary: turn },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('change'), route, to: anyRoute }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('reassert', 'conclude'), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('inspect'), route }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('move'), hours: fc.integer({ min: -3, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('flush', 'renew', 'expired') }) },
);
