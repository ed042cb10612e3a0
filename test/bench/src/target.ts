/** One address under measurement. All targets are asked the same and lead to the same provider process. */
export interface Target {
  readonly name: string;
  /** Up to and including `/v1`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Resident memory of the serving process in MiB; undefined where there is no process between. */
  memoryMiB(): Promise<number | undefined>;
  /** The processes behind the address, by what they do, without the provider. */
  roles(): Promise<readonly (readonly [role: string, pids: readonly number[]])[]>;
  /** Requests that the target's own ledger lost or counted twice; only for what keeps a ledger. */
  proof?(): Promise<LedgerProof>;
  stop(): Promise<void>;
}

export interface LedgerProof {
  readonly lost: number;
  readonly double: number;
  readonly closed: number;
}

/** The demo provider streams one event per token; `#chunks` asks for a fixed number of them. */
export function chatBody(options: { stream: boolean; chunks?: number }): string {
  const words = 'The river carries more water in spring, and the weir measures every drop of it. ';
  return JSON.stringify({
    model: 'demo-small',
    messages: [
      { role: 'system', content: 'Answer briefly.' },
      {
        role: 'user',
        content: `${words.repeat(4)}${options.chunks === undefined ? '' : `#chunks=${options.chunks}`}`,
      },
    ],
    max_tokens: options.chunks ?? 32,
    stream: options.stream,
  });
}
