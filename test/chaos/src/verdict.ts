import { formatUsd } from '@weir/kernel/money';
import type { Report } from './run.ts';

/** What did not hold, in sentences; none when everything did. */
export function violations({ scenario, tally, aftermath, proof }: Report): string[] {
  const { spentNano, limitNano } = proof;
  const broken: [boolean, string][] = [
    [proof.overNano !== 0n, `${proof.overNano} nano-USD were spent over the limit`],
    [proof.lost !== 0, `${proof.lost} attempts of the provider's book are not in the ledger`],
    [proof.double !== 0, `${proof.double} attempts were recorded twice`],
    [proof.open !== 0, `${proof.open} attempts have no close`],
    [proof.exactDifferenceNano !== 0n, `ledger and provider differ by ${proof.exactDifferenceNano} nano-USD`],
    [proof.undercharged !== 0, `${proof.undercharged} provisional closes charge less than the provider`],
    [Number(aftermath.heldUsd) !== 0, `${aftermath.heldUsd} USD stay held`],
    [
      aftermath.spentUsd !== formatUsd(spentNano),
      `the counter says ${aftermath.spentUsd} USD, the ledger ${formatUsd(spentNano)}`,
    ],
    [tally.served === 0, 'nothing was served'],
    [tally.count({ status: 402 }) + aftermath.servedUntilFull === 0, 'the budget was never in question'],
    [limitNano <= 0n, 'the budget has no limit'],
    [tally.givenUp !== 0, `${tally.givenUp} requests were given up, so the service did not come back`],
  ];
  if (scenario.isCounterOutage) broken.push(...outageViolations(tally));
  return broken.filter(([isBroken]) => isBroken).map(([, sentence]) => sentence);
}

/** Without counters a BLOCK budget refuses, and what no budget blocks goes on. */
function outageViolations(tally: Report['tally']): [boolean, string][] {
  const outage = { phase: 'outage' } as const;
  const budgetedServed = tally.count({ ...outage, isBudgeted: true, status: 200 });
  const budgetedRefused = tally.count({
    ...outage,
    isBudgeted: true,
    status: 503,
    code: 'DEPENDENCY_UNAVAILABLE',
  });
  const budgeted = tally.count({ ...outage, isBudgeted: true });
  const freeServed = tally.count({ ...outage, isBudgeted: false, status: 200 });
  return [
    [budgetedServed !== 0, `${budgetedServed} requests under the budget were served without counters`],
    [budgetedRefused === 0, 'no request under the budget was refused while the counters were away'],
    [
      budgeted !== budgetedRefused + budgetedServed,
      'a request under the budget was refused otherwise than with 503 DEPENDENCY_UNAVAILABLE',
    ],
    [freeServed === 0, 'no request without a budget was served while the counters were away'],
  ];
}
