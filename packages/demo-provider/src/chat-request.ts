/** The part of a request for an answer that this provider understands; all else is accepted and ignored. */
export interface ChatRequest {
  readonly model: string;
  /** Role and text of every message, joined: what the answer and the token count depend on. */
  readonly prompt: string;
  readonly lastMessage: string;
  readonly messages: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly choices: number;
  /** Undefined when the client set no cap. */
  readonly outputCap: number | undefined;
  /** Whether the client asked for its prompt to be written to the cache. */
  readonly writesCache: boolean;
  /** The tool that the answer calls; null for an answer in words. */
  readonly toolCall: string | null;
}

/** A refusal that names the member at fault. */
export class RequestError extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;

  constructor(message: string, param: string | null, status = 400, code: string | null = null) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOfPart(part: unknown, param: string): string {
  if (isRecord(part) && typeof part['text'] === 'string') return part['text'];
  if (isRecord(part) && typeof part['type'] === 'string') return `[${part['type']}]`;
  throw new RequestError('A content part must be an object with a type.', param);
}

export function textOfMessage(message: unknown, index: number): string {
  const param = `messages[${index}]`;
  if (!isRecord(message)) throw new RequestError('A message must be an object.', param);
  if (typeof message['role'] !== 'string') throw new RequestError('A message needs a role.', `${param}.role`);
  const content = message['content'];
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) return '';
  if (!Array.isArray(content)) {
    throw new RequestError('Content must be a string or an array of parts.', `${param}.content`);
  }
  return content.map((part) => textOfPart(part, `${param}.content`)).join('\n');
}

export function count(
  body: Readonly<Record<string, unknown>>,
  name: string,
  max: number,
): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RequestError(`${name} must be an integer from 1 to ${max}.`, name);
}

export function flag(body: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw new RequestError(`${name} must be true or false.`, name);
}

export function parseJson(text: string): Readonly<Record<string, unknown>> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new RequestError('We could not parse the JSON body of your request.', null);
  }
  if (!isRecord(body)) throw new RequestError('The body must be a JSON object.', null);
  return body;
}

/**
 * @param modelOfPath The model where the path names it, as on Azure; what the body says does not count then.
 * @throws RequestError naming the member at fault.
 */
export function parseChatRequest(text: string, modelOfPath: string | null = null): ChatRequest {
  const body = parseJson(text);
  const { messages } = body;
  const model = modelOfPath ?? body['model'];
  if (typeof model !== 'string' || model === '') throw new RequestError('You must provide a model.', 'model');
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RequestError('messages must be an array with at least one message.', 'messages');
  }
  const texts = messages.map(textOfMessage);
  const stream = flag(body, 'stream');
  const streamOptions = body['stream_options'] ?? undefined;
  if (streamOptions !== undefined && !isRecord(streamOptions)) {
    throw new RequestError('stream_options must be an object.', 'stream_options');
  }
  if (streamOptions !== undefined && !stream) {
    throw new RequestError('stream_options is only allowed when stream is true.', 'stream_options');
  }
  return {
    model,
    prompt: texts.join('\n'),
    lastMessage: texts.at(-1) ?? '',
    messages: texts.length,
    stream,
    includeUsage: streamOptions !== undefined && flag(streamOptions, 'include_usage'),
    choices: count(body, 'n', 128) ?? 1,
    outputCap: count(body, 'max_completion_tokens', 1_000_000) ?? count(body, 'max_tokens', 1_000_000),
    writesCache: false,
    toolCall: null,
  };
}
