import { describeConcurrency } from './concurrency.ts';
import { describeHoldings } from './holdings.ts';
import type { CreateRig } from './rig.ts';
import { describeSeeding } from './seeding.ts';
import { describeWindows } from './windows.ts';

/** Everything a counter store guarantees; every implementation runs the same. */
export function describeCounterStore(createRig: CreateRig): void {
  describeWindows(createRig);
  describeConcurrency(createRig);
  describeHoldings(createRig);
  describeSeeding(createRig);
}
