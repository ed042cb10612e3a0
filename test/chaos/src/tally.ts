/** What the clients saw, for the table and for the rules about outages. */
export interface Tally {
  /** Named by the scenario: requests are told apart by the phase in which they began and ended. */
  phase: string;
  requests: number;
  served: number;
  /** Clients that left in the middle on purpose. */
  left: number;
  /** Connections that broke, and streams that ended without their end. */
  broken: number;
  /** Requests that were given up after all their tries. */
  givenUp: number;
  add(answer: Answer): void;
  /** By status or code, for example `402` or `503 DEPENDENCY_UNAVAILABLE`. */
  count(select: Partial<Answer>): number;
  answers(): ReadonlyMap<string, number>;
}

/** One answer of a proxy; what the client then did with it is counted elsewhere. */
export interface Answer {
  /** Where it began and where it ended; `changed` when the two differ. */
  readonly phase: string;
  readonly isBudgeted: boolean;
  readonly status: number;
  /** The problem's code; null of a success. */
  readonly code: string | null;
}

export function createTally(): Tally {
  const answers: Answer[] = [];
  return {
    phase: 'calm',
    requests: 0,
    served: 0,
    left: 0,
    broken: 0,
    givenUp: 0,
    add(answer) {
      answers.push(answer);
    },
    count: (select) =>
      answers.filter((answer) =>
        (Object.keys(select) as (keyof Answer)[]).every((name) => answer[name] === select[name]),
      ).length,
    answers: () =>
      answers.reduce((counts, { status, code }) => {
        const name = code === null ? String(status) : `${status} ${code}`;
        return counts.set(name, (counts.get(name) ?? 0) + 1);
      }, new Map<string, number>()),
  };
}
