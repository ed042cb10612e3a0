import { until } from '@weir/e2e/until';
import { sendPatiently, type LoadRequest } from './client.ts';
import type { Fleet } from './fleet.ts';
import { createTally, type Tally } from './tally.ts';

/** Many clients at once, each with several requests one after the other. */
export interface Load {
  readonly tally: Tally;
  /** Resolves when the provider was sent so many requests, as a share of the number of clients. */
  arrived(share: number): Promise<void>;
  /** Sends requests that no budget blocks, some to each proxy, and resolves when they are served. */
  sendFree(): Promise<void>;
  readonly done: Promise<void>;
}

export interface LoadOptions {
  readonly clients: number;
  readonly turns: number;
  /** The longest that a client tries, all its requests together. */
  readonly deadlineMs: number;
}

const ARRIVAL_DEADLINE_MS = 60_000;
const FREE_PER_PROXY = 5;

export function startLoad(fleet: Fleet, { clients, turns, deadlineMs }: LoadOptions): Load {
  const tally = createTally();
  const servedBefore = fleet.provider.requests();
  const untilMs = performance.now() + deadlineMs;
  const client = async (number: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) {
      const first = (number + turn) % fleet.proxies.length;
      const proxies = [...fleet.proxies.slice(first), ...fleet.proxies.slice(0, first)];
      await sendPatiently(requestOf(fleet, number, turn), { proxies, tally, untilMs });
    }
  };
  return {
    tally,
    async arrived(share) {
      const count = Math.floor(clients * share);
      await until(
        `${count} requests at the provider`,
        () => fleet.provider.requests() - servedBefore >= count || undefined,
        ARRIVAL_DEADLINE_MS,
      );
    },
    async sendFree() {
      await Promise.all(
        fleet.proxies.flatMap((proxy) =>
          Array.from({ length: FREE_PER_PROXY }, (_, number) =>
            sendPatiently(requestOf(fleet, number, 0, 'free'), { proxies: [proxy], tally, untilMs }),
          ),
        ),
      );
    },
    done: Promise.all(Array.from({ length: clients }, (_, number) => client(number))).then(() => undefined),
  };
}

/** Of ten requests one is under no budget, four are not streamed, six are, and three of these lose their client. */
function requestOf(
  { tenant }: Fleet,
  number: number,
  turn: number,
  kind: number | 'free' = (number + 3 * turn) % 10,
): LoadRequest {
  const isFree = kind === 'free' || kind === 0;
  const stream = kind !== 'free' && kind >= 4;
  const leaves = kind !== 'free' && kind >= 7;
  const budgetedKey = kind === 9 || kind === 5 ? tenant.aborting : tenant.draining;
  return {
    key: isFree ? tenant.free : budgetedKey,
    isBudgeted: !isFree,
    // Streams take their time between events, whole answers before the first byte.
    model: stream ? 'demo-small' : 'demo-fault-slow',
    prompt: `Client ${number}, turn ${turn}: how much water is in the reservoir today? #tokens=40 #delay=15`,
    stream,
    maxTokens: 64,
    leaves,
  };
}
