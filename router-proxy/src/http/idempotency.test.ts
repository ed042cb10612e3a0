import { describe, expect, it } from 'vitest';
import { createLocalRequestNames } from '@weir/counters/idempotency/local';
import { newUuid } from '@weir/kernel/ids';
import { createTakeRequestName } from './idempotency.ts';

function rig() {
  const take = createTakeRequestName(createLocalRequestNames({ clock: { now: () => 0 } }));
  const owner = { organizationId: newUuid(), apiKeyId: newUuid() };
  return (name: string, requestId: string) => take({ ...owner, name, requestId });
}

const refusal = (code: string, details: object) => expect.objectContaining({ code, details }) as Error;

describe('idempotency keys', () => {
  it('refuse a repetition while the first request runs and after it, naming it', async () => {
    const take = rig();
    const held = await take('name', 'req_1');
    const first = { firstRequestId: 'req_1' };
    await expect(take('name', 'req_2')).rejects.toThrow(refusal('REQUEST_IN_PROGRESS', first));
    held.keep();
    await expect(take('name', 'req_2')).rejects.toThrow(refusal('DUPLICATE_REQUEST', first));
  });

  it('are bounded in length', async () => {
    await expect(rig()('x'.repeat(256), 'req_1')).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }) as Error,
    );
  });
});
