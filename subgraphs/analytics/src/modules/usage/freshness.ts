export type FreshnessStatus = 'FRESH' | 'STALE' | 'DELAYED';

/** How far sums may be behind the ledger. */
export interface Freshness {
  readonly lastEventAt: Date | null;
  readonly lagSeconds: number;
}

const FRESH_BELOW_SECONDS = 300;
const STALE_BELOW_SECONDS = 600;

export function freshnessStatus(lagSeconds: number): FreshnessStatus {
  if (lagSeconds < FRESH_BELOW_SECONDS) return 'FRESH';
  return lagSeconds < STALE_BELOW_SECONDS ? 'STALE' : 'DELAYED';
}
