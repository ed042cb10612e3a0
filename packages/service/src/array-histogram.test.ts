import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createArrayHistogram } from './array-histogram.ts';

it('says what the histogram of the library says', async () => {
  const options = { name: 'taken_ms', help: 'How long it took.', buckets: [0.5, 1, 10] };
  const [ours, theirs] = [new Registry(), new Registry()];
  for (const registry of [ours, theirs]) registry.setDefaultLabels({ service: 'test' });
  const observe = createArrayHistogram({ ...options, registry: ours });
  const original = new Histogram({ ...options, registers: [theirs] });
  for (const value of [0, 0.5, 0.51, 1, 7.25, 10, 10.5, 1_000]) {
    observe(value);
    original.observe(value);
  }
  expect(await ours.metrics()).toBe(await theirs.metrics());
});
