import { describe, expect, it, vi } from 'vitest';
import { createHealth, type Check } from './health.ts';

const up = (name: string, required = true): Check => ({ name, required, run: () => undefined });
const down = (name: string, required = true): Check => ({
  name,
  required,
  run: () => Promise.reject(new Error('connection refused')),
});

describe('health', () => {
  it('is ready when every dependency works', async () => {
    expect((await createHealth([up('postgres'), up('redis', false)])()).status).toBe('ready');
    expect((await createHealth([])()).status).toBe('ready');
  });

  it('is degraded without an optional dependency and unready without a required one, which it names', async () => {
    expect((await createHealth([up('postgres'), down('redis', false)])()).status).toBe('degraded');
    const report = await createHealth([down('postgres'), down('redis', false), up('store')])();
    expect(report.status).toBe('unready');
    expect(report.checks).toMatchObject([
      { name: 'postgres', status: 'down', required: true, reason: 'connection refused' },
      { name: 'redis', status: 'down', required: false },
      { name: 'store', status: 'up' },
    ]);
  });

  it('counts a check as down that does not answer in time, and tells it to give up', async () => {
    const given: AbortSignal[] = [];
    const stuck: Check = {
      name: 'stuck',
      required: true,
      timeoutMs: 5,
      run: (signal) => {
        given.push(signal);
        return new Promise(() => undefined);
      },
    };
    const report = await createHealth([stuck])();
    expect(report.checks).toMatchObject([{ status: 'down', reason: 'no answer within 5 ms' }]);
    expect(given[0]?.aborted).toBe(true);
  });

  it('survives a check that throws at once', async () => {
    const throwing: Check = {
      name: 'x',
      required: false,
      run: () => {
        throw new Error('boom');
      },
    };
    expect((await createHealth([throwing])()).status).toBe('degraded');
  });

  it('keeps passwords out of its reasons', async () => {
    const leaking: Check = {
      name: 'x',
      required: true,
      run: () => Promise.reject(new Error('cannot reach postgres://u:hunter2@h/db')),
    };
    expect(JSON.stringify(await createHealth([leaking])())).not.toContain('hunter2');
  });

  it('asks once for many probes at the same time, and again for the next', async () => {
    const run = vi.fn(() => Promise.resolve());
    const health = createHealth([{ name: 'x', required: true, run }]);
    await Promise.all([health(), health(), health()]);
    expect(run).toHaveBeenCalledTimes(1);
    await health();
    expect(run).toHaveBeenCalledTimes(2);
  });
});
