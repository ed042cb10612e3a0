import DataLoader from 'dataloader';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { createReach, PLACES_BELOW, type PlacedNode, type Reach } from '@weir/graphql/actor-reach';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { createKeyUseStore, UNUSED, type KeyUse } from './modules/usage/key-use-store.ts';
import type { Freshness } from './modules/usage/freshness.ts';
import { bucketsOf, type Granularity } from './modules/usage/usage-range.ts';
import { createUsageStore } from './modules/usage/usage-store.ts';
import { reportOf, type UsageReport } from './modules/usage/usage.ts';

/** A question about one node: the organization, an account with everything below it, or a key. */
export interface UsageQuestion {
  readonly nodeId: Uuid;
  readonly startMs: number;
  readonly endMs: number;
  readonly granularity: Granularity;
}

/** Batched reads of one operation, within the actor's organization. */
export interface Loaders {
  /** Loads as an AppError BAD_USER_INPUT for a range that is empty or holds too many points. */
  readonly usage: DataLoader<UsageQuestion, UsageReport, string>;
  readonly freshness: DataLoader<Uuid, Freshness>;
  readonly keyUse: DataLoader<Uuid, KeyUse>;
  /** Which nodes the actor may ask about. */
  readonly reach: Reach;
}

const rangeKey = ({ startMs, endMs, granularity }: UsageQuestion): string =>
  `${startMs}/${endMs}/${granularity}`;

/** Questions about one range are answered by one statement, for example those of every account of a list. */
async function answerRange(
  tx: Transaction,
  organizationId: Uuid,
  timeZone: string,
  questions: readonly UsageQuestion[],
): Promise<(question: UsageQuestion) => UsageReport | AppError> {
  const [any] = questions;
  if (!any) throw new Error('there is no question');
  const { startMs, endMs, granularity } = any;
  const spans = bucketsOf(startMs, endMs, granularity, timeZone);
  if (!spans.ok) return () => new AppError('BAD_USER_INPUT', spans.error, { param: 'range' });
  const [first, last] = [spans.value[0], spans.value.at(-1)];
  if (!first || !last) throw new Error('a range that is not empty has a bucket');
  const nodeIds = questions.map((question) => question.nodeId);
  const rows = await createUsageStore(tx).sums(nodeIds, granularity, first, last);
  const byNode = Map.groupBy(rows, (row) => row.nodeId);
  return ({ nodeId }) => reportOf(organizationId, granularity, spans.value, byNode.get(nodeId) ?? []);
}

async function answerAll(tx: Transaction, organizationId: Uuid, questions: readonly UsageQuestion[]) {
  const timeZone = await createUsageStore(tx).zone(organizationId);
  const answers = new Map<string, (question: UsageQuestion) => UsageReport | AppError>();
  for (const [key, ofRange] of Map.groupBy(questions, rangeKey)) {
    answers.set(key, await answerRange(tx, organizationId, timeZone, ofRange));
  }
  return questions.map(
    (question) => answers.get(rangeKey(question))?.(question) ?? new Error('a question was not answered'),
  );
}

export function createLoaders(db: Database, identity: InternalIdentity): Loaders {
  const { organizationId } = identity;
  const read = <T>(work: (tx: Transaction, organization: Uuid) => Promise<T>): Promise<T> => {
    // Whoever asks has been authorized for this organization, so there is one.
    if (organizationId === null) throw new AppError('UNAUTHENTICATED', 'Choose an organization first.');
    return withTenant(db, { organizationId }, (tx) => work(tx, organizationId));
  };
  return {
    reach: createReach(identity, (top, nodes) =>
      read((tx, organization) =>
        tx.$queryRawUnsafe<PlacedNode[]>(PLACES_BELOW, organization, top, [...nodes]),
      ),
    ),
    usage: new DataLoader((questions) => read((tx, organization) => answerAll(tx, organization, questions)), {
      cacheKeyFn: (question) => `${question.nodeId}/${rangeKey(question)}`,
      maxBatchSize: 100,
    }),
    keyUse: new DataLoader(async (keyIds) => {
      const uses = await read((tx) => createKeyUseStore(tx).byIds(keyIds));
      return keyIds.map((id) => uses.get(id) ?? UNUSED);
    }),
    freshness: new DataLoader((organizations) =>
      read((tx) => Promise.all(organizations.map((id) => createUsageStore(tx).freshness(id)))),
    ),
  };
}
