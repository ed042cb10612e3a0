import type { Usage } from '@weir/kernel/usage';

/** Takes bytes that are to be forwarded now. */
export type Forward = (bytes: Uint8Array) => void;

/**
 * Stands between a provider's bytes and the client: hands on what the client gets, and looks at a copy of the rest.
 * One relay serves one answer.
 */
export interface Relay {
  /** Whether the client gets exactly the provider's bytes, so that its Content-Length holds. */
  readonly isVerbatim: boolean;
  push(chunk: Buffer, forward: Forward): void;
  /** The provider's body ended, or broke off: hands on what was held back. */
  end(forward: Forward): void;
  /** What the provider reported; null when it reported nothing. Zero is a report. */
  usage(): Usage | null;
  /** What is known of an answer that broke off before its report: told by the provider, or counted from its text. */
  partialUsage?(): Usage | null;
  /** What the provider itself says went wrong within an answer that it had begun, by its short name; null for nothing. */
  failure?(): string | null;
  /** Estimate of the output tokens that passed, for answers whose usage never came. */
  outputTokensSeen(): number;
}
