import type {
  LimitSet,
  ModelLimit,
  PolicySnapshot,
  SnapshotAccount,
  SnapshotBudget,
  SnapshotModel,
} from '@weir/contracts/policy-snapshot';
import { networkList, type Networks } from '../http/client-address.ts';
import { poolsByLevel, type ProviderPool } from '../routing/provider-pool.ts';
import { keyExpiryOf, type KeyExpiry } from './key-expiry.ts';

/** What one node of the tree (an account, or the key below them) allows. */
export interface AccessNode {
  /** Place on the chain: 0 is the root account, the key comes last. */
  readonly depth: number;
  readonly allowIps: Networks | null;
  readonly resources: readonly string[] | null;
  readonly allowModels: readonly string[] | null;
}

/** A node that carries limits, and the subject that its counters are kept under. */
export interface LimitNode {
  readonly subject: string;
  readonly limits: LimitSet;
  readonly modelLimits: readonly ModelLimit[];
}

/** A snapshot with everything precomputed that does not depend on the single request. Immutable. */
export interface Policy {
  readonly snapshot: PolicySnapshot;
  readonly keyHash: string;
  /** The account that owns the key. */
  readonly account: SnapshotAccount;
  /** Null for a key that does not expire. */
  readonly expiry: KeyExpiry | null;
  readonly accountPath: readonly SnapshotAccount['id'][];
  /** Root to key. */
  readonly access: readonly AccessNode[];
  readonly limits: readonly LimitNode[];
  readonly blockingBudgets: readonly SnapshotBudget[];
  /** By every registered name: the name itself, aliases, and the names under which providers report it. */
  readonly models: ReadonlyMap<string, SnapshotModel>;
  /** Provider keys by Level. */
  readonly pools: ReadonlyMap<number, ProviderPool>;
  /** Whether conversations stay on one provider key. */
  readonly isSticky: boolean;
}

export function compilePolicy(snapshot: PolicySnapshot, keyHash: string): Policy {
  const account = snapshot.accounts.at(-1);
  if (!account) throw new Error('a snapshot has at least one account');
  return {
    snapshot,
    keyHash,
    account,
    expiry: keyExpiryOf(snapshot.key),
    accountPath: snapshot.accounts.map(({ id }) => id),
    access: [...snapshot.accounts, snapshot.key].map((node, depth) => ({
      depth,
      allowIps: node.allowIps && networkList(node.allowIps),
      resources: node.resources,
      allowModels: node.allowModels,
    })),
    limits: limitNodes(snapshot),
    blockingBudgets: snapshot.budgets.filter(({ enforcement }) => enforcement === 'BLOCK'),
    models: modelsByName(snapshot.models),
    pools: poolsByLevel(snapshot.providerKeys),
    isSticky: isSticky(snapshot),
  };
}

/** From the organization down, so that of several reached limits the widest node's is reported first. */
function limitNodes({ organization, accounts, key }: PolicySnapshot): readonly LimitNode[] {
  return [
    { subject: `org:${organization.id}`, limits: organization.limits, modelLimits: organization.modelLimits },
    ...accounts.map(({ id, limits, modelLimits }) => ({ subject: `acc:${id}`, limits, modelLimits })),
    { subject: `key:${key.id}`, limits: key.limits, modelLimits: key.modelLimits },
  ];
}

/** A model's own name wins over another model's alias of the same text, and an alias over a reported name. */
function modelsByName(models: readonly SnapshotModel[]): ReadonlyMap<string, SnapshotModel> {
  const byName = new Map<string, SnapshotModel>();
  for (const namesOf of [ownName, aliases, reportedNames]) {
    for (const model of models) {
      for (const name of namesOf(model)) if (!byName.has(name)) byName.set(name, model);
    }
  }
  return byName;
}

const ownName = (model: SnapshotModel): readonly string[] => [model.name];
const aliases = (model: SnapshotModel): readonly string[] => model.aliases;
const reportedNames = (model: SnapshotModel): readonly string[] => model.snapshots;

/** The nearest account that says so decides; nobody does by default. */
function isSticky({ accounts }: PolicySnapshot): boolean {
  return accounts.findLast(({ stickyRouting }) => stickyRouting !== null)?.stickyRouting ?? false;
}
