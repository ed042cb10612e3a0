import { describe, expect, it } from 'vitest';
import { policySnapshotSchema } from './policy-snapshot.ts';

const id = (tail: number): string => `0190a1b2-c3d4-7e5f-8a9b-${tail.toString(16).padStart(12, '0')}`;

/** As `policy.snapshot(key_hash)` writes it: one JSON value, 64-bit integers as strings. */
const sample = {
  epoch: '9007199254740993',
  organization: {
    id: id(1),
    slug: 'acme',
    status: 'ACTIVE',
    timeZone: 'Europe/Berlin',
    limits: { requestsPerMinute: 60 },
    modelLimits: [{ pattern: 'gpt-*', limits: { tokensPerDay: 1_000_000 } }],
  },
  accounts: [
    {
      id: id(2),
      kind: 'OWNER',
      name: 'Acme',
      status: 'ACTIVE',
      level: 1,
      gear: 1,
      tier: 0,
      ratesPpm: '1500000',
      allowLevels: null,
      allowIps: ['10.0.0.0/8'],
      allowModels: null,
      resources: null,
      limits: {},
      modelLimits: [],
      modelMapper: [{ pattern: 'fast', target: 'gpt-4o' }],
      levelMapper: [{ pattern: 'gpt-4o', level: 2 }],
      switchOver: [{ from: 2, to: 1 }],
      modelFailover: [],
      stickyRouting: null,
    },
  ],
  key: {
    id: id(3),
    name: 'default',
    status: 'ACTIVE',
    expiresAtMs: null,
    scopes: ['inference:write'],
    disconnectPolicy: 'ABORT',
    environment: 'PRODUCTION',
    requireSignature: false,
    signing: null,
    allowIps: null,
    allowModels: [],
    allowLevels: null,
    resources: null,
    limits: { concurrency: null },
    modelLimits: [],
  },
  models: [
    {
      id: id(4),
      name: 'gpt-4o',
      aliases: [],
      snapshots: ['gpt-4o-2024-08-06'],
      enabled: true,
      contextTokens: 128_000,
      maxOutputTokens: 16_384,
      minTier: 0,
      capabilities: ['chat'],
      prices: [
        {
          id: id(5),
          validFromMs: 0,
          tier: 0,
          isOwn: false,
          input: '2500000000',
          cachedInput: '1250000000',
          cacheWrite: '0',
          output: '10000000000',
          reasoning: '10000000000',
          perRequest: 0,
          perImage: '0',
          perAudioSecond: '0',
        },
      ],
    },
  ],
  providerKeys: [
    {
      id: id(6),
      ownerId: id(2),
      name: 'main',
      provider: 'openai',
      baseUrl: 'https://api.openai.com/v1',
      level: 1,
      weight: 1,
      isDegraded: false,
      config: {},
      secret: { ciphertext: 'AA==', nonce: 'AA==', version: 1 },
      ownerKey: { ciphertext: 'AA==', nonce: 'AA==', version: 1 },
    },
  ],
  unusedProviderKeys: [],
  budgets: [
    {
      id: id(7),
      name: 'monthly',
      nodeKind: 'API_KEY',
      nodeId: id(3),
      metric: 'COST',
      limit: '9007199254740991',
      period: 'MONTHLY',
      models: null,
      enforcement: 'BLOCK',
      graceMinutes: 0,
      blocksSinceMs: null,
    },
  ],
  credits: [{ accountId: id(2), granted: '9007199254740993', enforcedSinceMs: 1_767_225_600_000 }],
};

describe('a policy snapshot', () => {
  const parsed = policySnapshotSchema.parse(JSON.parse(JSON.stringify(sample)));

  it('keeps 64-bit integers exact', () => {
    expect(parsed.epoch).toBe(9_007_199_254_740_993n);
    expect(parsed.accounts[0]?.ratesPpm).toBe(1_500_000n);
    expect(parsed.budgets[0]?.limit).toBe(9_007_199_254_740_991n);
    expect(parsed.credits[0]?.granted).toBe(9_007_199_254_740_993n);
    expect(parsed.models[0]?.prices[0]).toMatchObject({ input: 2_500_000_000n, perRequest: 0n });
  });

  it('tells an unrestricted list from one that allows nothing', () => {
    expect(parsed.key.allowIps).toBeNull();
    expect(parsed.key.allowModels).toEqual([]);
  });

  it.each([
    ['no account', { ...sample, accounts: [] }],
    ['an id that is none', { ...sample, key: { ...sample.key, id: 'key_1' } }],
    ['a fraction of a nano-USD', { ...sample, budgets: [{ ...sample.budgets[0], limit: 1.5 }] }],
    ['a limit that is no number', { ...sample, budgets: [{ ...sample.budgets[0], limit: 'lots' }] }],
    ['an unknown enforcement', { ...sample, budgets: [{ ...sample.budgets[0], enforcement: 'MAYBE' }] }],
    ['a missing list', { ...sample, key: { ...sample.key, allowModels: undefined } }],
  ])('with %s is refused', (_, wrong) => {
    expect(policySnapshotSchema.safeParse(JSON.parse(JSON.stringify(wrong))).success).toBe(false);
  });
});
