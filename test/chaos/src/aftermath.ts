import { chat } from '@weir/e2e/inference';
import { until } from '@weir/e2e/until';
import type { Fleet } from './fleet.ts';

/** What the counters say once everything has come to rest, as the body of a 402 tells it. */
export interface Aftermath {
  /** As decimal USD. */
  readonly spentUsd: string;
  readonly heldUsd: string;
  readonly limitUsd: string;
  /** Requests that were still served before the budget was full. */
  readonly servedUntilFull: number;
}

interface BudgetProblem {
  readonly code: string;
  readonly budget?: { readonly spent: string; readonly held: string; readonly limit: string };
}

/**
 * Spends what is left of the budget, one request after the other, until it refuses with nothing held. A hold that
 * leaked would show as an amount that stays held, a counter that drifted as a `spent` that is not the ledger's.
 */
export async function spendTheRest(fleet: Fleet, deadlineMs: number): Promise<Aftermath> {
  const apiKey = fleet.tenant.draining.secret;
  let servedUntilFull = 0;
  let turn = 0;
  return until(
    'a full budget with nothing held',
    async () => {
      const proxy = fleet.proxies[turn++ % fleet.proxies.length];
      const answer = await chat(
        { inferenceUrl: proxy?.url ?? '', apiKey },
        { prompt: `The rest, turn ${turn} #tokens=60`, maxTokens: 64 },
      ).catch(() => undefined);
      if (answer?.status === 200) servedUntilFull++;
      const problem = (await answer?.json().catch(() => undefined)) as BudgetProblem | undefined;
      if (problem?.budget === undefined || Number(problem.budget.held) !== 0) return undefined;
      const { spent, held, limit } = problem.budget;
      return { spentUsd: spent, heldUsd: held, limitUsd: limit, servedUntilFull };
    },
    deadlineMs,
  );
}
