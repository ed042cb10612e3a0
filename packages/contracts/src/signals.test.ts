import { expect, it } from 'vitest';
import { signalSchemas } from './signals.ts';

it('signals carry where to look, and a null organization means everyone', () => {
  const organizationId = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
  expect(signalSchemas.policy.parse({ organizationId, epoch: '12' })).toEqual({
    organizationId,
    epoch: '12',
  });
  expect(signalSchemas.policy.parse({ organizationId: null, epoch: '13' }).organizationId).toBeNull();
  expect(signalSchemas.ledger.parse({})).toEqual({});
  expect(signalSchemas.alert.safeParse({ organizationId }).success).toBe(false);
});
