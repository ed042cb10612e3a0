import type { AnswerForm } from './answer-form.ts';
import { azureForm, completionForm } from './completion.ts';
import { messageForm } from './message.ts';

/** How a request may show its key. */
export type Credential = 'bearer' | 'api-key' | 'x-api-key' | 'token';

/** Where a provider has an operation, how it takes its key there, and what the path says instead of the body. */
export interface Place {
  readonly does: 'chat' | 'message' | 'count';
  readonly credentials: readonly Credential[];
  readonly form: AnswerForm;
  /** The model where the path names it. */
  readonly model: string | null;
  /** What the names of models begin with here and nowhere else. */
  readonly namePrefix: string;
  /** Where the path says whether the answer is streamed; null leaves it to the body. */
  readonly stream: boolean | null;
}

const CHAT = { does: 'chat', form: completionForm, model: null, namePrefix: '', stream: null } as const;
const MESSAGE = { does: 'message', form: messageForm, model: null, namePrefix: '', stream: null } as const;

/** Anthropic's own way, and that of providers who speak its API beside OpenAI's. */
const MESSAGE_CREDENTIALS = ['x-api-key', 'bearer'] as const;

const AZURE_PATH = /^\/openai\/deployments\/([^/]+)\/chat\/completions$/;
const VERTEX_CHAT_PATH = /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/endpoints\/openapi\/chat\/completions$/;
const VERTEX_CLAUDE_PATH =
  /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/anthropic\/models\/([^/:]+):(streamRawPredict|rawPredict)$/;

/** One provider with the paths of OpenAI, Azure, Anthropic and Vertex. Undefined where none of them has anything. */
export function placeOf(path: string, query: URLSearchParams): Place | undefined {
  switch (path) {
    case '/v1/chat/completions':
      return { ...CHAT, credentials: ['bearer'] };
    case '/openai/v1/chat/completions':
      return { ...CHAT, credentials: ['api-key'], form: azureForm };
    case '/v1/messages':
      return { ...MESSAGE, credentials: MESSAGE_CREDENTIALS };
    case '/v1/messages/count_tokens':
      return { ...MESSAGE, does: 'count', credentials: MESSAGE_CREDENTIALS };
  }
  const deployment = AZURE_PATH.exec(path)?.[1];
  if (deployment !== undefined && query.has('api-version')) {
    return { ...CHAT, credentials: ['api-key'], form: azureForm, model: decodeURIComponent(deployment) };
  }
  return vertexPlaceOf(path);
}

function vertexPlaceOf(path: string): Place | undefined {
  if (VERTEX_CHAT_PATH.test(path)) return { ...CHAT, credentials: ['token'], namePrefix: 'google/' };
  const [, model, verb] = VERTEX_CLAUDE_PATH.exec(path) ?? [];
  if (model === undefined) return undefined;
  const claude = { ...MESSAGE, credentials: ['token'], namePrefix: 'claude-' } as const;
  if (model === 'count-tokens') return { ...claude, does: 'count' };
  return { ...claude, model: decodeURIComponent(model), stream: verb === 'streamRawPredict' };
}
