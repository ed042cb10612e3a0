import type { DemoAccess } from '@weir/embedded/demo-file';

export interface ChatOptions {
  readonly model?: string;
  readonly prompt?: string;
  readonly apiKey?: string;
  readonly url?: string;
  readonly maxTokens?: number;
  readonly stream?: boolean;
  readonly path?: string;
}

/** One chat completion over plain HTTP, as the printed curl line does it. */
export function chat(
  access: Pick<DemoAccess, 'inferenceUrl' | 'apiKey'>,
  options: ChatOptions = {},
): Promise<Response> {
  return fetch(`${options.url ?? access.inferenceUrl}${options.path ?? '/chat/completions'}`, {
    method: 'POST',
    headers: { 'x-api-key': options.apiKey ?? access.apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: options.model ?? 'demo-small',
      messages: [{ role: 'user', content: options.prompt ?? 'Hello!' }],
      ...(options.maxTokens === undefined ? {} : { max_tokens: options.maxTokens }),
      ...(options.stream === undefined ? {} : { stream: options.stream }),
    }),
    signal: AbortSignal.timeout(60_000),
  });
}
