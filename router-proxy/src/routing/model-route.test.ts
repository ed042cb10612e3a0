import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '@weir/contracts/operation';
import { aBudget, aModel, anAccount, aPolicy } from '../test-policy.ts';
import { requireCapability, routeModel } from './model-route.ts';

const gpt = aModel('gpt-4o', { aliases: ['fast'], snapshots: ['gpt-4o-2024-08-06'] });
const mini = aModel('gpt-4o-mini');

const refused = (code: string) => expect.objectContaining({ code }) as Error;

describe('Model Mapper', () => {
  it('lets the nearest account decide and maps one step only', () => {
    const policy = aPolicy({
      models: [gpt, mini],
      accounts: [
        anAccount({ kind: 'OWNER', modelMapper: [{ pattern: 'gpt-4*', target: 'gpt-4o-mini' }] }),
        anAccount({ modelMapper: [{ pattern: 'gpt-4', target: 'gpt-4o' }] }),
      ],
    });
    expect(routeModel(policy, 'gpt-4').model.name).toBe('gpt-4o');
    expect(routeModel(policy, 'gpt-4-turbo').model.name).toBe('gpt-4o-mini');
  });

  it('gives alias, mapped and reported names of a model one effective name, and so one counter', () => {
    const policy = aPolicy({
      models: [gpt],
      accounts: [anAccount({ kind: 'OWNER', modelMapper: [{ pattern: 'o*', target: 'gpt-4o' }] })],
      key: { modelLimits: [{ pattern: 'gpt-*', limits: { requestsPerMinute: 5 } }] },
    });
    const subjects = ['gpt-4o', 'fast', 'gpt-4o-2024-08-06', 'o1'].map(
      (name) => routeModel(policy, name).windows,
    );
    expect(new Set(subjects.map((windows) => windows.map(({ subject }) => subject).join()))).toHaveProperty(
      'size',
      1,
    );
  });

  it('asks the provider for the pinned name where the client pinned one, else for the effective name', () => {
    const policy = aPolicy({ models: [gpt] });
    expect(routeModel(policy, 'gpt-4o-2024-08-06').upstreamModel).toBe('gpt-4o-2024-08-06');
    expect(routeModel(policy, 'fast').upstreamModel).toBe('gpt-4o');
  });
});

describe('AllowModels', () => {
  it('allows a model by any of its names', () => {
    for (const allowed of ['gpt-4o', 'fast', 'gpt-4o-2024*']) {
      const policy = aPolicy({ models: [gpt], key: { allowModels: [allowed] } });
      expect(routeModel(policy, 'gpt-4o').model.name).toBe('gpt-4o');
    }
  });

  it('has to allow at every node of the chain', () => {
    const policy = aPolicy({
      models: [gpt, mini],
      accounts: [anAccount({ kind: 'OWNER', allowModels: ['gpt-4o-mini'] })],
      key: { allowModels: ['*'] },
    });
    expect(() => routeModel(policy, 'gpt-4o')).toThrow(refused('MODEL_NOT_ALLOWED'));
  });

  it('counts the requested name where the mapping comes from the node of the list or from above it', () => {
    const policy = aPolicy({
      models: [gpt],
      accounts: [
        anAccount({
          kind: 'OWNER',
          modelMapper: [{ pattern: 'house', target: 'gpt-4o' }],
          allowModels: ['house'],
        }),
      ],
      key: { allowModels: ['house'] },
    });
    expect(routeModel(policy, 'house').model.name).toBe('gpt-4o');
  });

  it('does not let a node below map itself past a list above', () => {
    const policy = aPolicy({
      models: [gpt],
      accounts: [
        anAccount({ kind: 'OWNER', allowModels: ['house'] }),
        anAccount({ modelMapper: [{ pattern: 'house', target: 'gpt-4o' }] }),
      ],
    });
    expect(() => routeModel(policy, 'house')).toThrow(refused('MODEL_NOT_ALLOWED'));
  });

  it('allows nothing when it is empty', () => {
    expect(() => routeModel(aPolicy({ models: [gpt], key: { allowModels: [] } }), 'gpt-4o')).toThrow(
      refused('MODEL_NOT_ALLOWED'),
    );
  });
});

describe('the registry', () => {
  it('knows neither unregistered nor disabled models', () => {
    const policy = aPolicy({ models: [aModel('off', { enabled: false })] });
    for (const name of ['off', 'unheard-of', '__proto__']) {
      expect(() => routeModel(policy, name)).toThrow(refused('MODEL_NOT_FOUND'));
    }
  });

  it('lets a model serve what it is registered for, and everything when it is registered for nothing', () => {
    const policy = aPolicy({ models: [aModel('embedder', { capabilities: ['embeddings'] }), aModel('any')] });
    requireCapability(routeModel(policy, 'embedder'), 'embeddings');
    for (const operation of OPERATIONS) requireCapability(routeModel(policy, 'any'), operation);
    for (const operation of ['chat/completions', 'images/edits', 'messages/count_tokens'] as const) {
      expect(() => requireCapability(routeModel(policy, 'embedder'), operation)).toThrow(
        expect.objectContaining({
          code: 'MODEL_NOT_FOUND',
          detail: expect.stringContaining('registered for embeddings') as string,
        }),
      );
    }
  });

  it('demands the tier of the model', () => {
    const models = [aModel('premium', { minTier: 2 })];
    expect(() => routeModel(aPolicy({ models }), 'premium')).toThrow(refused('MODEL_NOT_ALLOWED'));
    const accounts = [anAccount({ kind: 'OWNER', tier: 2 })];
    expect(routeModel(aPolicy({ models, accounts }), 'premium').model.name).toBe('premium');
  });
});

describe('Level and limits', () => {
  it("takes the Level from the nearest mapper, else the key's account's own", () => {
    const accounts = [
      anAccount({ kind: 'OWNER', levelMapper: [{ pattern: 'gpt-*', level: 3 }], level: 9 }),
      anAccount({ level: 2 }),
    ];
    const policy = aPolicy({ models: [gpt, aModel('claude')], accounts });
    expect(routeModel(policy, 'gpt-4o').level).toBe(3);
    expect(routeModel(policy, 'claude').level).toBe(2);
  });

  it('collects the limits of organization, every account and the key, in all and for the model', () => {
    const limits = { requestsPerMinute: 1, tokensPerDay: 2, concurrency: 3 };
    const policy = aPolicy({
      models: [gpt],
      organization: { limits },
      accounts: [
        anAccount({ kind: 'OWNER', limits }),
        anAccount({ modelLimits: [{ pattern: '*', limits }] }),
      ],
      key: { limits },
    });
    const { windows, concurrency } = routeModel(policy, 'fast');
    expect(windows).toHaveLength(8);
    expect(concurrency).toHaveLength(4);
    expect(new Set(windows.map(({ subject, metric }) => `${subject} ${metric}`)).size).toBe(8);
    expect(windows.some(({ subject }) => subject.endsWith('|gpt-4o'))).toBe(true);
  });

  it('holds only blocking budgets that count the model', () => {
    const policy = aPolicy({
      models: [gpt, mini],
      budgets: [
        aBudget({ name: 'all' }),
        aBudget({ name: 'warns', enforcement: 'WARN' }),
        aBudget({ name: 'minis', models: ['*-mini'] }),
      ],
    });
    expect(routeModel(policy, 'gpt-4o').budgets.map(({ name }) => name)).toEqual(['all']);
    expect(routeModel(policy, 'gpt-4o-mini').budgets.map(({ name }) => name)).toEqual(['all', 'minis']);
  });
});
