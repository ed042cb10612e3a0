import {
  count,
  flag,
  isRecord,
  parseJson,
  RequestError,
  textOfMessage,
  type ChatRequest,
} from './chat-request.ts';

/** What Vertex wants to read in the body of a request to Claude, where the path names the model. */
const VERTEX_VERSION = 'vertex-2023-10-16';

/**
 * Anthropic's message request, of which only a part is looked at.
 * @param modelOfPath The model where the path names it, as on Vertex; the body must not then.
 * @throws RequestError naming the member at fault.
 */
export function parseMessageRequest(
  text: string,
  options: { readonly modelOfPath: string | null; readonly isCount: boolean },
): ChatRequest {
  const body = parseJson(text);
  const { messages, system } = body;
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RequestError('messages: at least one message is required', 'messages');
  }
  const texts = messages.map(textOfMessage);
  const outputCap = count(body, 'max_tokens', 1_000_000);
  if (outputCap === undefined && !options.isCount) {
    throw new RequestError('max_tokens: Field required', 'max_tokens');
  }
  return {
    model: modelIn(body, options.modelOfPath),
    prompt: [...systemTexts(system), ...texts].join('\n'),
    lastMessage: texts.at(-1) ?? '',
    messages: texts.length,
    stream: flag(body, 'stream'),
    includeUsage: true,
    choices: 1,
    outputCap,
    writesCache: text.includes('"cache_control"'),
    toolCall: toolIn(body['tools'], messages.at(-1)),
  };
}

function modelIn(body: Readonly<Record<string, unknown>>, modelOfPath: string | null): string {
  const { model } = body;
  if (modelOfPath !== null) {
    if (body['anthropic_version'] !== VERTEX_VERSION) {
      throw new RequestError(`anthropic_version: must be ${VERTEX_VERSION}`, 'anthropic_version');
    }
    if (model !== undefined) throw new RequestError('model: Extra inputs are not permitted', 'model');
    return modelOfPath;
  }
  if (typeof model !== 'string' || model === '') throw new RequestError('model: Field required', 'model');
  return model;
}

function systemTexts(system: unknown): readonly string[] {
  if (typeof system === 'string') return [system];
  return Array.isArray(system) ? [textOfMessage({ role: 'system', content: system as unknown[] }, 0)] : [];
}

/** The first tool is called, unless its result is what the last message brings. */
function toolIn(tools: unknown, last: unknown): string | null {
  const [first] = Array.isArray(tools) ? (tools as unknown[]) : [];
  if (!isRecord(first) || typeof first['name'] !== 'string') return null;
  const content = isRecord(last) ? last['content'] : undefined;
  const isResult =
    Array.isArray(content) && content.some((block) => isRecord(block) && block['type'] === 'tool_result');
  return isResult ? null : first['name'];
}
