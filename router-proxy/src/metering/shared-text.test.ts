import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { rememberShared, type SharedDimensions } from './shared-text.ts';

const text = fc.constantFrom('a', 'b');
const id = fc.constantFrom(newUuid(), newUuid());
const dimensions: fc.Arbitrary<SharedDimensions> = fc.record({
  organizationId: id,
  // Each policy has a list of its own, of the same accounts or others.
  accountPath: fc.constantFrom([newUuid()], [newUuid()]),
  apiKeyId: id,
  modelRequested: text,
  modelEffective: text,
  provider: text,
  providerKeyId: id,
  decision: fc.constantFrom('PRIMARY', 'FAILOVER', 'OVERRIDE'),
  endpoint: text,
  stream: fc.boolean(),
  priceId: fc.option(text),
});
const NAMES = [
  'organizationId',
  'accountPath',
  'apiKeyId',
  'modelRequested',
  'modelEffective',
  'provider',
  'providerKeyId',
  'decision',
  'endpoint',
  'stream',
  'priceId',
] as const;

const write = (shared: SharedDimensions): string => JSON.stringify(NAMES.map((name) => shared[name]));

describe('a text that is remembered', () => {
  it('is that of the attempt at hand, whichever member differs from the attempt before', () => {
    const remembered = rememberShared(write);
    fc.assert(
      fc.property(dimensions, dimensions, fc.constantFrom(...NAMES), (one, other, name) => {
        const changed = { ...one, [name]: other[name] };
        for (const of of [one, changed, one, other]) expect(remembered(of)).toBe(write(of));
      }),
    );
  });

  it('is not written again while nothing changes, whatever other policies do meanwhile', () => {
    let writes = 0;
    const remembered = rememberShared((shared) => {
      writes++;
      return write(shared);
    });
    const [one, other] = fc.sample(dimensions, { numRuns: 2, seed: 1 });
    if (!one || !other) throw new Error('two were asked for');
    const apart = { ...other, accountPath: [newUuid()] };
    for (let count = 0; count < 5; count++) {
      remembered(one);
      remembered(apart);
    }
    expect(writes).toBe(2);
  });
});
