import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createLocalRequestNames } from './local.ts';
import { describeRequestNames } from './suite.ts';

describe('request names of one proxy', () => {
  describeRequestNames(() => {
    const clock = { nowMs: 0 };
    const names = createLocalRequestNames({ clock: { now: () => clock.nowMs } });
    return Promise.resolve({
      proxies: [names, names],
      clock,
      settle: () => Promise.resolve(),
      close: () => names.close(),
    });
  });

  it('are bounded: the oldest is forgotten', async () => {
    const names = createLocalRequestNames({ clock: { now: () => 0 }, namesMax: 2 });
    const owner = { organizationId: newUuid(), apiKeyId: newUuid() };
    const take = async (name: string) => (await names.take({ ...owner, name, requestId: name })).kind;
    for (const name of ['a', 'b', 'c']) expect(await take(name)).toBe('taken');
    expect(await take('c')).toBe('running');
    expect(await take('a')).toBe('taken');
  });
});
