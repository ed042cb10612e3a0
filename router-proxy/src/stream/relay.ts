import type { Usage } from '@weir/kernel/usage';
import { NO_TEXT, type SampledText } from './text-sample.ts';

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
  /** What the provider itself says went wrong within an answer that it had begun, by its short name; null for nothing. */
  failure?(): string | null;
  /** What passed, for an estimate where nothing was reported. */
  seen(): Seen;
}

/** What a relay saw of an answer without understanding its usage. */
export interface Seen {
  /** What the model wrote. */
  readonly text: SampledText;
  readonly images: number;
  readonly audioMs: number;
  /** What the provider told before the answer broke off: its input, mostly. */
  readonly partial?: Usage | null;
}

export const NOTHING_SEEN: Seen = { text: NO_TEXT, images: 0, audioMs: 0 };
