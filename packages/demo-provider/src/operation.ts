import type { Billed } from './answer.ts';
import type { Behaviour } from './models.ts';

/** A request of any endpoint but chat: the members of its JSON, or the fields of its form. */
export interface OperationRequest {
  readonly model: string;
  readonly behaviour: Behaviour;
  readonly members: Readonly<Record<string, unknown>>;
  /** The first file of a form. */
  readonly file: Buffer | null;
  /** False where the model is one that never reports. */
  readonly withUsage: boolean;
}

export interface OperationReply {
  readonly contentType: string;
  readonly body: Buffer | string;
  readonly billed: Billed;
  readonly stream: boolean;
}

export type Operation = (request: OperationRequest) => OperationReply;

export function json(value: unknown, billed: Billed): OperationReply {
  return { contentType: 'application/json', body: JSON.stringify(value), billed, stream: false };
}

/** Events with their types, as the newer endpoints stream: without `[DONE]`. */
export function typedEvents(events: readonly { readonly type: string }[], billed: Billed): OperationReply {
  const body = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  return { contentType: 'text/event-stream; charset=utf-8', body, billed, stream: true };
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

/** The usage of the endpoints that say `input_tokens`. */
export function tokenUsage({ prompt, cached, cacheWrite, completion, reasoning }: Billed): object {
  return {
    input_tokens: prompt,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: cacheWrite },
    output_tokens: completion,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: prompt + completion,
  };
}
