import type { Uuid } from '@weir/kernel/ids';

/** A client's name for one request of one API key, by which a repetition is recognised. */
export interface RequestName {
  readonly organizationId: Uuid;
  readonly apiKeyId: Uuid;
  /** Of the client's choosing; it is kept as a hash. */
  readonly name: string;
  /** Unique; told to whoever repeats the request. */
  readonly requestId: string;
}

export type Taking =
  | { readonly kind: 'taken'; readonly held: HeldName }
  | { readonly kind: 'running' | 'ended'; readonly requestId: string };

/** Ended with exactly one of the two. Neither waits or fails. */
export interface HeldName {
  /** The request delivered or billed something: its repetitions are known for five minutes. */
  keep(): void;
  /** The request came to nothing: its name is free again. */
  free(): void;
}

/**
 * Names of requests. Two implementations keep this contract and pass one suite: in process and Redis, where proxies
 * share them. A proxy that dies frees what it held within a minute.
 */
export interface RequestNames {
  /** Never rejects: without its store it remembers in process. */
  take(name: RequestName): Promise<Taking>;
  close(): Promise<void>;
}

/** How long the name of an ended request is known. */
export const KEPT_MS = 300_000;
