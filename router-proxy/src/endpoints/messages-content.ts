import { AppError } from '@weir/kernel/errors';

/** What of a conversation in Anthropic's shape matters for its cost. */
export interface ConversationFacts {
  readonly messages: number;
  /** Images whose bytes are in the body. */
  readonly images: number;
  /** The first block whose tokens the body does not bound (`document of a url`, …); null where there is none. */
  readonly foreign: string | null;
}

/** Blocks that are nothing but text or JSON of the body, so that its bytes bound their tokens. */
const TEXT_BLOCKS: ReadonlySet<string> = new Set(['text', 'tool_use', 'thinking', 'redacted_thinking']);

/** Collects facts while it checks that a conversation is well formed; what it does not know is left to the provider. */
interface Reading {
  images: number;
  foreign: string | null;
}

/** @throws AppError INVALID_REQUEST unless it is a non-empty list of messages with a role and possible content. */
export function readConversation(messages: unknown, system: unknown): ConversationFacts {
  if (messages === undefined || messages === null) {
    throw invalid(
      'messages',
      '"messages" is missing: send a list such as [{"role": "user", "content": "Hello"}].',
    );
  }
  if (!Array.isArray(messages)) throw invalid('messages', '"messages" must be a list of messages.');
  if (messages.length === 0) {
    throw invalid('messages', '"messages" is empty: it needs at least one message.');
  }
  const reading: Reading = { images: 0, foreign: null };
  for (const [index, message] of messages.entries()) readMessage(message, `messages[${index}]`, reading);
  if (system !== undefined && system !== null) readContent(system, 'system', reading);
  return { messages: messages.length, ...reading };
}

function readMessage(message: unknown, at: string, reading: Reading): void {
  if (!isRecord(message)) {
    throw invalid(at, `"${at}" must be an object such as {"role": "user", "content": "Hello"}.`);
  }
  if (typeof message['role'] !== 'string' || message['role'] === '') {
    throw invalid(`${at}.role`, `"${at}.role" must be a text such as "user".`);
  }
  readContent(message['content'], `${at}.content`, reading);
}

function readContent(content: unknown, at: string, reading: Reading): void {
  if (typeof content === 'string') return;
  if (!Array.isArray(content)) throw invalid(at, `"${at}" must be a text or a list of content blocks.`);
  for (const [index, block] of content.entries()) readBlock(block, `${at}[${index}]`, reading);
}

function readBlock(block: unknown, at: string, reading: Reading): void {
  if (!isRecord(block) || typeof block['type'] !== 'string') {
    throw invalid(at, `"${at}" must be a content block with a "type".`);
  }
  const type = block['type'];
  if (TEXT_BLOCKS.has(type)) return;
  if (type === 'tool_result' || type === 'search_result') {
    if (block['content'] !== undefined) readContent(block['content'], `${at}.content`, reading);
    return;
  }
  const source = isRecord(block['source']) ? block['source'] : {};
  if (type === 'image' && source['type'] === 'base64') {
    reading.images++;
  } else if (type === 'document' && source['type'] === 'content') {
    readContent(source['content'], `${at}.source.content`, reading);
  } else if (type !== 'document' || source['type'] !== 'text') {
    reading.foreign ??= nameOf(type, source['type']);
  }
}

function nameOf(type: string, source: unknown): string {
  const name = `content of the type "${type.slice(0, 64)}"`;
  return typeof source === 'string' ? `${name} from the source "${source.slice(0, 64)}"` : name;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(param: string, detail: string): AppError {
  return new AppError('INVALID_REQUEST', detail, { param });
}
