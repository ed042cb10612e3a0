import type { MessageFacts } from './chat-bound.ts';
import { invalid, isRecord } from './request-members.ts';

/** Content that is nothing but text, whose bytes therefore bound its tokens. */
const TEXT_PARTS: ReadonlySet<unknown> = new Set(['text', 'refusal']);

/** @throws AppError INVALID_REQUEST unless it is a non-empty list of messages with a role and possible content. */
export function readMessages(value: unknown): readonly MessageFacts[] {
  if (value === undefined || value === null) {
    throw invalid(
      'messages',
      '"messages" is missing: send a list such as [{"role": "user", "content": "Hello"}].',
    );
  }
  if (!Array.isArray(value)) throw invalid('messages', '"messages" must be a list of messages.');
  if (value.length === 0) throw invalid('messages', '"messages" is empty: it needs at least one message.');
  return value.map(readMessage);
}

function readMessage(message: unknown, index: number): MessageFacts {
  const at = `messages[${index}]`;
  if (!isRecord(message)) {
    throw invalid(at, `"${at}" must be an object such as {"role": "user", "content": "Hello"}.`);
  }
  if (typeof message['role'] !== 'string' || message['role'] === '') {
    throw invalid(`${at}.role`, `"${at}.role" must be a text such as "user".`);
  }
  const content = message['content'];
  // Audio that the model spoke earlier comes back by id, so its length is not in the body.
  if (isRecord(message['audio'])) return { foreignPart: 'audio' };
  if (content === undefined || content === null || typeof content === 'string') return { foreignPart: null };
  if (!Array.isArray(content)) {
    throw invalid(`${at}.content`, `"${at}.content" must be a text or a list of content parts.`);
  }
  return { foreignPart: foreignPartOf(content, `${at}.content`) };
}

function foreignPartOf(parts: readonly unknown[], at: string): string | null {
  let foreign: string | null = null;
  for (const [index, part] of parts.entries()) {
    if (typeof part === 'string') continue;
    if (!isRecord(part) || typeof part['type'] !== 'string') {
      throw invalid(`${at}[${index}]`, `"${at}[${index}]" must be a content part with a "type".`);
    }
    if (foreign === null && !TEXT_PARTS.has(part['type'])) foreign = part['type'].slice(0, 64);
  }
  return foreign;
}
