import { describe, expect, it } from 'vitest';
import { createLogger } from '@weir/service/logger';
import { createBoundedAudit } from './bounded-audit.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function setUp(limits: { perSource?: number; perProcess?: number } = {}) {
  let nowMs = 0;
  const written: string[] = [];
  const audit = createBoundedAudit({ log, clock: { now: () => nowMs }, ...limits });
  return {
    written,
    settled: () => audit.settled(),
    advance: (ms: number) => void (nowMs += ms),
    note: (source: string, write?: () => Promise<void>) =>
      audit.note(source, async (leftOut) => {
        await write?.();
        written.push(`${source} ${String(leftOut)}`);
      }),
  };
}

describe('attempts that are refused', () => {
  it('are written so often for each source, and the next one tells how many were left out', async () => {
    const { note, written, settled, advance } = setUp({ perSource: 2 });
    for (let n = 0; n < 5; n++) note('a');
    note('b');
    await settled();
    expect(written).toEqual(['a 0', 'a 0', 'b 0']);
    advance(60_000);
    note('a');
    note('a');
    await settled();
    expect(written.slice(3)).toEqual(['a 3', 'a 0']);
  });

  it('are bounded for all sources together, so that many of them flood nothing', async () => {
    const { note, written, settled } = setUp({ perProcess: 10 });
    for (let n = 0; n < 20_000; n++) note(String(n));
    await settled();
    expect(written).toHaveLength(10);
  });

  it('wait for a slow database only so many at a time', async () => {
    const { note, written, settled } = setUp({ perSource: 1_000, perProcess: 1_000 });
    const gate = Promise.withResolvers<void>();
    for (let n = 0; n < 1_000; n++) note('a', () => gate.promise);
    gate.resolve();
    await settled();
    expect(written).toHaveLength(200);
  });

  it('do no harm when they cannot be written', async () => {
    const { note, written, settled } = setUp();
    note('a', () => Promise.reject(new Error('the database is away')));
    note('a');
    await settled();
    expect(written).toEqual(['a 0']);
  });
});
