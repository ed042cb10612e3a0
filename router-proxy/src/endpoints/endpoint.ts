import type { Operation } from '@weir/contracts/operation';
import type { Upload, UploadBody } from '../body/upload.ts';
import type { ParsedBody } from '../routing/conversation-start.ts';
import type { Relay } from '../stream/relay.ts';
import type { BodyMembers } from '../upstream/providers/provider.ts';

/** What bounds the cost of one call, before its model is known. */
export interface CallBound {
  /** No provider can count more input tokens than this. */
  readonly inputTokensMax: number;
  readonly output: OutputBound;
  /** No provider can bill more images than this. */
  readonly imagesMax: number;
  /** What of the cost cannot be bounded; null where the bounds hold. */
  readonly unbounded: Unbounded | null;
}

export type OutputBound =
  | { readonly kind: 'none' }
  /** Each of so many answers ends at a cap, which the proxy may lower, or set where the client left it to the model. */
  | {
      readonly kind: 'capped';
      /** The member that sets a cap where there is none. */
      readonly param: string;
      readonly cap: number | null;
      /** A lower cap than this makes the request one that the provider refuses. */
      readonly capMin?: number;
      /** How many answers are asked for (`n`). */
      readonly choices: number;
    }
  /** No member of the request limits the answers, only the model does, each of so many. */
  | { readonly kind: 'uncapped'; readonly choices: number };

/** Part of the cost that the request does not bound, and the member at fault. */
export interface Unbounded {
  readonly param: string;
  readonly reason: string;
  /** The classes without a bound; `anything` where there may be fees that no price of ours knows. */
  readonly of: 'anything' | readonly ('input' | 'audio')[];
}

/** What the proxy may change in a request; everything else reaches the provider as it came. */
export interface RequestChanges {
  readonly model: string;
  /** Lower or inject the output cap; null leaves it alone. */
  readonly outputCap: number | null;
  /** What else a provider's own way of asking needs; only providers of Anthropic's operations need any. */
  readonly members?: BodyMembers;
}

/** What a request makes a provider read, for an estimate. */
export interface InputFacts {
  /** Text whose tokens have to be counted. */
  readonly text: string;
  /** Tokens beside those of the text. */
  readonly tokens: number;
  /** The length of the audio that came with it. */
  readonly audioMs: number;
}

/** One valid call of an endpoint. */
export interface InferenceCall {
  readonly model: string;
  readonly stream: boolean;
  /** `request_id` of the body: the client's name for the request, by which a repetition is recognised. */
  readonly idempotencyKey: string | null;
  readonly bound: CallBound;
  /** The body of a request that is a turn of a conversation; its beginning tells one conversation from another. */
  readonly conversation?: ParsedBody;
  render(changes: RequestChanges): Uint8Array | UploadBody;
  /** Read only where a provider reports nothing. */
  inputFacts(): InputFacts;
  /** A fresh relay for one answer of a provider. */
  relay(isEventStream: boolean): Relay;
}

/** Whose clients an endpoint serves. */
export type Dialect = 'openai' | 'anthropic';

/** An inference endpoint is this value and nothing else; the request path is the same for all of them. */
export interface Endpoint {
  /** The path that resources, logs and the ledger name. */
  readonly path: string;
  /** Other paths that mean the same. */
  readonly aliases: readonly string[];
  readonly operation: Operation;
  /** Whose shape the proxy's own errors and limit headers have here. */
  readonly dialect: Dialect;
  /** A free operation is limited and recorded, and neither priced nor held against what money or tokens may do. */
  readonly isFree: boolean;
  /** @throws AppError INVALID_REQUEST with a sentence that names the member at fault. */
  read(body: Buffer): InferenceCall;
  /**
   * Reads a form of which the beginning has arrived, with its model at least; absent where no forms are taken. What it
   * cannot know yet because it may stand behind a file leaves the call without a bound.
   * @throws AppError INVALID_REQUEST with a sentence that names the field at fault.
   */
  readForm?(upload: Upload): InferenceCall;
}
