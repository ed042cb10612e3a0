/** A sum of the attempt log and the sum that a projection keeps of the same attempts. */
export interface ProofPair {
  readonly logged: bigint;
  readonly kept: bigint;
}

/** What one table proves. Cost in nano-USD. */
export interface ProofLine {
  /** The table, for example `billing.node_spend`. */
  readonly keptIn: string;
  readonly requests: ProofPair;
  readonly tokens: ProofPair;
  readonly cost: ProofPair;
}

export const MEASURES = ['requests', 'tokens', 'cost'] as const;

/** Kept minus logged: above zero something was counted twice, below zero something was lost. */
export function differenceOf({ logged, kept }: ProofPair): bigint {
  return kept - logged;
}

/** Whether every sum is what the log says. */
export function isProven(lines: readonly ProofLine[]): boolean {
  return lines.every((line) => MEASURES.every((measure) => differenceOf(line[measure]) === 0n));
}
