import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { anAccount, aPolicy, aProviderKey, type SnapshotParts } from '../test-policy.ts';
import { conversationStart } from './conversation-start.ts';
import { poolsByLevel } from './provider-pool.ts';
import { stickinessFor } from './stickiness.ts';

const sticky: SnapshotParts = { accounts: [anAccount({ kind: 'OWNER', stickyRouting: true })] };
const policy = aPolicy(sticky);
const said = (content: string) => ({ role: 'user', content });
const chat = (content: string, ...later: object[]) => ({ messages: [said(content), ...later] });

function keysOf(...weights: number[]) {
  const keys = weights.map((weight) => aProviderKey({ id: newUuid(), weight }));
  const [first, ...others] = poolsByLevel(keys).get(1)?.healthy ?? [];
  if (!first) throw new Error('there is a key');
  return [first, ...others] as const;
}

const idFor = (keys: ReturnType<typeof keysOf>, body: object, model = 'm', of = policy) =>
  stickinessFor(of, body as Record<string, unknown>)?.pick(keys, model)?.key.id;

describe('sticky routing', () => {
  it('is off unless the nearest account that says something says so', () => {
    const saying = (...said: (boolean | null)[]) =>
      stickinessFor(
        aPolicy({ accounts: said.map((stickyRouting) => anAccount({ stickyRouting })) }),
        chat('Hello'),
      ) !== null;
    expect(saying(null, null)).toBe(false);
    expect(saying(true, null)).toBe(true);
    expect(saying(true, false)).toBe(false);
    expect(saying(false, true)).toBe(true);
  });

  it('asks the same key for every turn of a conversation, in whatever order keys are listed', () => {
    const turn = fc.record({ role: fc.constantFrom('assistant', 'user', 'tool'), content: fc.string() });
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(turn), (opening, later) => {
        const keys = keysOf(1, 2, 3);
        const [a, b, c] = keys;
        const first = idFor(keys, chat(opening));
        expect(idFor([c, a, b] as never, chat(opening, ...later))).toBe(first);
      }),
    );
  });

  it('moves only the conversations of a key that is not awake', () => {
    const keys = keysOf(1, 1, 1, 1);
    const [asleep, ...awake] = keys;
    for (let index = 0; index < 200; index++) {
      const before = idFor(keys, chat(`${index}`));
      const after = idFor(awake as never, chat(`${index}`));
      if (before !== asleep.key.id) expect(after).toBe(before);
    }
  });

  it('spreads conversations by weight, and anew for another model and organization', () => {
    const keys = keysOf(3, 1);
    const other = aPolicy(sticky);
    let heavy = 0;
    let moved = 0;
    for (let index = 0; index < 4_000; index++) {
      const id = idFor(keys, chat(`${index}`));
      if (id === keys[0].key.id) heavy++;
      if (id !== idFor(keys, chat(`${index}`), 'another') || id !== idFor(keys, chat(`${index}`), 'm', other))
        moved++;
    }
    expect(heavy / 4_000).toBeGreaterThan(0.7);
    expect(heavy / 4_000).toBeLessThan(0.8);
    expect(moved).toBeGreaterThan(1_000);
  });

  it('leaves requests without a beginning to the rotation', () => {
    expect(idFor(keysOf(1, 1), { prompt: 'Hello' })).toBeUndefined();
  });
});

describe('the beginning of a conversation', () => {
  it.each([
    [
      { prompt_cache_key: 'k', ...chat('a') },
      { prompt_cache_key: 'k', ...chat('b') },
    ],
    [
      { user: 'u', ...chat('a') },
      { user: 'u', ...chat('b') },
    ],
    [
      { messages: [{ role: 'system', content: 's' }, said('a')] },
      { messages: [{ role: 'system', content: 's' }, said('a'), said('b')] },
    ],
    [
      { system: 's', ...chat('a') },
      { system: 's', ...chat('a', said('b')), max_tokens: 5 },
    ],
    [
      { instructions: 'i', input: [said('a')] },
      { instructions: 'i', input: [said('a'), said('b')] },
    ],
  ])('is shared by %j and %j', (one, other) => {
    expect(conversationStart(one)).toBe(conversationStart(other));
  });

  it.each([
    [chat('a'), chat('b')],
    [
      { system: 's', ...chat('a') },
      { system: 't', ...chat('a') },
    ],
    [{ tools: [1], ...chat('a') }, chat('a')],
    [{ user: 'k' }, { prompt_cache_key: 'k' }],
  ])('is not shared by %j and %j', (one, other) => {
    expect(conversationStart(one)).not.toBe(conversationStart(other));
  });
});
