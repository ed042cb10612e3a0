import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { chatCompletions } from '../endpoints/chat-completions.ts';
import type { CallBound } from '../endpoints/endpoint.ts';
import { routeModel } from '../routing/model-route.ts';
import { aBudget, aModel, anAccount, aPolicy, type SnapshotParts } from '../test-policy.ts';
import { admittedIntent, prepareAdmission } from './admission-request.ts';
import { boundAttempt, boundProblem } from './attempt-bound.ts';
import { denialError } from './denial.ts';

const NOON = Date.UTC(2026, 4, 13, 12);
const SETTINGS = { leaseMs: 60_000, cooldownMs: 60_000, outputCapMin: 16 };
const BOUND = callBound();

function callBound(cap: number | null = 100, choices = 1): CallBound {
  const output = { kind: 'capped', param: 'max_completion_tokens', cap, choices } as const;
  return { inputTokensMax: 1_000, output, imagesMax: 0, unbounded: null };
}

function prepare(parts: SnapshotParts, bound: CallBound = BOUND, earlier: readonly string[] = []) {
  const policy = aPolicy(parts);
  const route = routeModel(policy, 'gpt-test');
  const target = policy.pools.get(route.level)?.healthy[0];
  if (!target) throw new Error('a provider key is there');
  const candidate = {
    route,
    target,
    decision: 'PRIMARY',
    claim: { deployment: 'd', seen: 0, probe: null },
  } as const;
  const draft = {
    policy,
    candidate,
    bound,
    requestId: newUuid(),
    attemptId: newUuid(),
    earlier: earlier.map((model) => ({ model })),
    endpoint: '/v1/x',
    stream: false,
  };
  return { policy, route, prepared: prepareAdmission(draft, SETTINGS, NOON) };
}

describe('an admission', () => {
  it('holds for every blocking budget what the attempt may consume at most', () => {
    const { prepared } = prepare({
      budgets: [aBudget({ metric: 'COST' }), aBudget({ metric: 'TOKENS' }), aBudget({ metric: 'REQUESTS' })],
      accounts: [anAccount({ kind: 'OWNER', ratesPpm: 2_000_000n })],
    });
    // 1,000 tokens at 1 USD per million and up to 100 at 2 USD, both at Rates 2.
    expect(prepared.request.holdings.map(({ fixed, perOutputToken }) => [fixed, perOutputToken])).toEqual([
      [2_000_000n, 4_000n],
      [1_000n, 1n],
      [1n, 0n],
    ]);
    expect(prepared.intent).toMatchObject({ holdCost: 2_400_000n, holdTokens: 1_100 });
  });

  it('counts every choice', () => {
    const { prepared } = prepare({ budgets: [aBudget()] }, callBound(100, 5));
    expect(prepared.request.holdings[0]?.perOutputToken).toBe(10_000n);
    expect(prepared.intent.holdTokens).toBe(1_500);
  });

  it("asks for the client's cap or the model's, whichever is lower, and never for a useless one", () => {
    const capOf = (outputCap: number | null) => prepare({}, callBound(outputCap)).prepared.request;
    expect(capOf(null)).toMatchObject({ outputCap: 1_000, outputCapMin: 16 });
    expect(capOf(5_000)).toMatchObject({ outputCap: 1_000, outputCapMin: 16 });
    expect(capOf(3)).toMatchObject({ outputCap: 3, outputCapMin: 3 });
  });

  it('is valid within the business day and every budget period', () => {
    const { prepared } = prepare({
      organization: { timeZone: 'Asia/Tokyo' },
      budgets: [aBudget({ period: 'DAILY' }), aBudget({ period: 'TOTAL' })],
    });
    const day = { startMs: Date.UTC(2026, 4, 12, 15), endMs: Date.UTC(2026, 4, 13, 15) };
    expect(prepared.request).toMatchObject({ day, validWithin: day });
    expect(prepared.intent.businessDate).toBe('2026-05-13');
    expect(prepared.request.holdings[0]?.counter).toMatch(new RegExp(`:${day.startMs}$`));
  });

  it('counts a request once, however many attempts it takes', () => {
    const limits = { requestsPerMinute: 5, tokensPerMinute: 5, concurrency: 1 };
    const modelLimits = [{ pattern: 'gpt-*', limits }];
    const parts = { key: { limits, modelLimits }, budgets: [aBudget()] };
    const second = prepare(parts, BOUND, ['gpt-test']).prepared;
    expect(second.request.windows.map(({ metric }) => metric)).toEqual(['tokens', 'tokens']);
    expect(second.request.concurrency.map(({ limit }) => limit > 1_000_000)).toEqual([true, true]);
    expect(second.request.holdings).toHaveLength(1);
    expect(second.intent.attemptNumber).toBe(2);
  });

  it('counts for a model that a request turns to, as its limits say', () => {
    const limits = { requestsPerMinute: 5, concurrency: 1 };
    const parts = { key: { limits, modelLimits: [{ pattern: 'gpt-*', limits }] } };
    const { policy, prepared } = prepare(parts, BOUND, ['other', 'another']);
    const subject = `key:${policy.snapshot.key.id}|gpt-test`;
    expect(prepared.request.windows).toEqual([{ subject, metric: 'requests', window: 'minute', limit: 5 }]);
    expect(prepared.request.concurrency).toMatchObject([{}, { subject, limit: 1 }]);
  });

  it('records the hold of the cap that was granted', () => {
    const { prepared } = prepare({ budgets: [aBudget()] });
    const intent = admittedIntent(prepared, { nowMs: NOON + 5, outputCap: 40 });
    expect(intent).toMatchObject({ admittedAtMs: NOON + 5, holdCost: 1_080_000n, holdTokens: 1_040 });
  });

  it('takes the price that is in force at its instant', () => {
    const [price] = aModel('gpt-test').prices;
    if (!price) throw new Error('the model has a price');
    const prices = [
      price,
      { ...price, id: 'later', validFromMs: NOON + 1 },
      { ...price, id: 'now', validFromMs: NOON },
    ];
    expect(prepare({ models: [aModel('gpt-test', { prices })] }).prepared.intent.priceId).toBe('now');
  });
});

describe('under a blocking budget', () => {
  const problem = (parts: SnapshotParts, bound: CallBound = BOUND) => {
    const { policy, route } = prepare(parts, bound);
    return boundProblem(route, bound, boundAttempt(policy, route, bound, NOON));
  };

  it('what cannot be bounded is refused, naming the member', () => {
    const body = {
      model: 'gpt-test',
      messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }],
    };
    const { bound } = chatCompletions.read(Buffer.from(JSON.stringify(body)));
    expect(problem({ budgets: [aBudget()] }, bound)).toMatchObject({
      code: 'INVALID_REQUEST',
      param: 'messages',
    });
    expect(problem({ budgets: [aBudget({ metric: 'REQUESTS' })] }, bound)).toBeNull();
    expect(problem({ budgets: [aBudget({ enforcement: 'WARN' })] }, bound)).toBeNull();
  });

  it('what has no price is refused where money is counted', () => {
    const models = [aModel('gpt-test', { prices: [] })];
    expect(problem({ models, budgets: [aBudget()] })).toMatchObject({ code: 'MODEL_NOT_ALLOWED' });
    expect(problem({ models, budgets: [aBudget({ metric: 'TOKENS' })] })).toBeNull();
  });
});

describe('a denial', () => {
  it('names the budget, its limit, what is spent and held, and the reset', () => {
    const { policy, prepared } = prepare({
      budgets: [aBudget({ name: 'Team', limit: 5_000_000_000n, period: 'DAILY' })],
    });
    const error = denialError(
      {
        kind: 'denied',
        reason: 'holding',
        nowMs: NOON,
        counter: prepared.request.holdings[0]?.counter ?? '',
        limit: 5_000_000_000n,
        committed: 4_999_000_000n,
        held: 500_000n,
        isGraceOver: false,
      },
      policy,
    );
    expect(error.code).toBe('BUDGET_EXCEEDED');
    expect(error.detail).toContain('"Team" of 5 USD');
    expect(error.details).toMatchObject({
      budget: {
        name: 'Team',
        limit: '5',
        spent: '4.999',
        held: '0.0005',
        resetsAt: '2026-05-14T00:00:00.000Z',
      },
    });
  });

  it('of a window says whose it is and when to come back, in whole seconds', () => {
    const window = {
      subject: `acc:${newUuid()}|gpt-test`,
      metric: 'requests',
      window: 'minute',
      limit: 5,
      remaining: 0,
      resetMs: 1,
    } as const;
    const error = denialError(
      { kind: 'denied', reason: 'cooldown', nowMs: NOON, window, retryAfterMs: 59_001 },
      aPolicy(),
    );
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 60 });
    expect(error.detail).toContain(
      'The account, for the model "gpt-test", is limited to 5 requests per minute',
    );
    expect(error.detail).not.toMatch(/[0-9a-f]{8}-/);
  });
});
