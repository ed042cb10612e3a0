import type {
  PolicySnapshot,
  SnapshotAccount,
  SnapshotBudget,
  SnapshotModel,
  SnapshotProviderKey,
} from '@weir/contracts/policy-snapshot';
import { newUuid } from '@weir/kernel/ids';
import { compilePolicy, type Policy } from './keys/policy.ts';

/** Parts of a snapshot with valid and boring defaults; a test states what matters to it. */
export function anAccount(parts: Partial<SnapshotAccount> = {}): SnapshotAccount {
  return {
    id: newUuid(),
    kind: 'TEAM',
    name: 'Team',
    status: 'ACTIVE',
    level: 1,
    gear: 0,
    tier: 0,
    ratesPpm: 1_000_000n,
    allowIps: null,
    allowModels: null,
    resources: null,
    allowLevels: null,
    limits: {},
    modelLimits: [],
    modelMapper: [],
    levelMapper: [],
    switchOver: [],
    modelFailover: [],
    stickyRouting: null,
    ...parts,
  };
}

/** 1 USD per million input tokens, 2 USD per million output tokens. */
export function aModel(name: string, parts: Partial<SnapshotModel> = {}): SnapshotModel {
  return {
    id: newUuid(),
    name,
    aliases: [],
    snapshots: [],
    enabled: true,
    contextTokens: 128_000,
    maxOutputTokens: 1_000,
    minTier: 0,
    capabilities: [],
    prices: [
      {
        id: `price of ${name}`,
        validFromMs: 0,
        tier: 0,
        isOwn: false,
        input: 1_000_000_000n,
        cachedInput: 500_000_000n,
        cacheWrite: 1_000_000_000n,
        output: 2_000_000_000n,
        reasoning: 2_000_000_000n,
        perRequest: 0n,
        perImage: 0n,
        perAudioSecond: 0n,
      },
    ],
    ...parts,
  };
}

export function aProviderKey(parts: Partial<SnapshotProviderKey> = {}): SnapshotProviderKey {
  const sealed = { ciphertext: '', nonce: '', version: 1 };
  return {
    id: newUuid(),
    ownerId: newUuid(),
    name: 'Provider',
    provider: 'openai',
    baseUrl: 'https://provider.example/v1',
    level: 1,
    weight: 1,
    isDegraded: false,
    config: {},
    secret: sealed,
    ownerKey: sealed,
    ...parts,
  };
}

export function aBudget(parts: Partial<SnapshotBudget> = {}): SnapshotBudget {
  return {
    id: newUuid(),
    name: 'Cap',
    nodeKind: 'ORGANIZATION',
    nodeId: newUuid(),
    metric: 'COST',
    limit: 1_000_000_000n,
    period: 'MONTHLY',
    models: null,
    enforcement: 'BLOCK',
    graceMinutes: 0,
    blocksSinceMs: null,
    ...parts,
  };
}

export interface SnapshotParts {
  readonly organization?: Partial<PolicySnapshot['organization']>;
  /** Root first; one owner account by default. */
  readonly accounts?: readonly SnapshotAccount[];
  readonly key?: Partial<PolicySnapshot['key']>;
  readonly models?: readonly SnapshotModel[];
  readonly providerKeys?: readonly SnapshotProviderKey[];
  readonly budgets?: readonly SnapshotBudget[];
  readonly credits?: PolicySnapshot['credits'];
  readonly epoch?: bigint;
}

export function aSnapshot(parts: SnapshotParts = {}): PolicySnapshot {
  return {
    epoch: parts.epoch ?? 1n,
    organization: {
      id: newUuid(),
      slug: 'example',
      status: 'ACTIVE',
      timeZone: 'UTC',
      limits: {},
      modelLimits: [],
      ...parts.organization,
    },
    accounts: [...(parts.accounts ?? [anAccount({ kind: 'OWNER' })])],
    key: {
      id: newUuid(),
      name: 'Key',
      status: 'ACTIVE',
      expiresAtMs: null,
      scopes: ['inference:read', 'inference:write'],
      disconnectPolicy: 'ABORT',
      environment: 'PRODUCTION',
      requireSignature: false,
      signing: null,
      allowIps: null,
      allowModels: null,
      allowLevels: null,
      resources: null,
      limits: {},
      modelLimits: [],
      ...parts.key,
    },
    models: [...(parts.models ?? [aModel('gpt-test')])],
    providerKeys: [...(parts.providerKeys ?? [aProviderKey()])],
    unusedProviderKeys: [],
    budgets: [...(parts.budgets ?? [])],
    credits: [...(parts.credits ?? [])],
  };
}

export function aPolicy(parts: SnapshotParts = {}): Policy {
  return compilePolicy(aSnapshot(parts), 'hash');
}
