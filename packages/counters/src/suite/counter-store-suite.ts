import { describeConcurrency } from './concurrency.ts';
import { describeFlush } from './flush.ts';
import { describeGrace } from './grace.ts';
import { describeHoldings } from './holdings.ts';
import { describeInspection } from './inspection.ts';
import type { CreateRig } from './rig.ts';
import { describeSeeding } from './seeding.ts';
import { describeWindowProperties } from './window-properties.ts';
import { describeWindows } from './windows.ts';
import { describeWorld } from './world-properties.ts';

/**
 * Everything a counter store guarantees; every implementation runs the same.
 * @param runs Random stories per property.
 */
export function describeCounterStore(createRig: CreateRig, runs: number): void {
  describeWindows(createRig);
  describeConcurrency(createRig);
  describeHoldings(createRig);
  describeGrace(createRig);
  describeInspection(createRig);
  describeSeeding(createRig);
  describeFlush(createRig);
  describeWindowProperties(createRig, runs);
  describeWorld(createRig, runs);
}
