import { invalid, isRecord } from './request-members.ts';

/** What matters of messages once they are known to be well formed. */
export interface MessageFacts {
  readonly count: number;
  /** The first type of content that is not text (`image_url`, `file`, …); null when there is none. */
  readonly foreignPart: string | null;
}

/** Content that is nothing but text, whose bytes therefore bound its tokens. */
const TEXT_PARTS: ReadonlySet<unknown> = new Set(['text', 'refusal']);

/** @throws AppError INVALID_REQUEST unless it is a non-empty list of messages with a role and possible content. */
export function readMessages(value: unknown): MessageFacts {
  if (value === undefined || value === null) {
    throw invalid(
      'messages',
      '"messages" is missing: send a list such as [{"role": "user", "content": "Hello"}].',
    );
  }
  if (!Array.isArray(value)) throw invalid('messages', '"messages" must be a list of messages.');
  if (value.length === 0) throw invalid('messages', '"messages" is empty: it needs at least one message.');
  let foreignPart: string | null = null;
  for (let index = 0; index < value.length; index++) {
    const part = foreignPartOf(value[index], index);
    foreignPart ??= part;
  }
  return { count: value.length, foreignPart };
}

/** The name of a message is put together only where it is told, because a conversation may have hundreds. */
function foreignPartOf(message: unknown, index: number): string | null {
  if (!isRecord(message)) {
    const at = `messages[${index}]`;
    throw invalid(at, `"${at}" must be an object such as {"role": "user", "content": "Hello"}.`);
  }
  if (typeof message['role'] !== 'string' || message['role'] === '') {
    const at = `messages[${index}].role`;
    throw invalid(at, `"${at}" must be a text such as "user".`);
  }
  const content = message['content'];
  // Audio that the model spoke earlier comes back by id, so its length is not in the body.
  if (isRecord(message['audio'])) return 'audio';
  if (content === undefined || content === null || typeof content === 'string') return null;
  const at = `messages[${index}].content`;
  if (!Array.isArray(content)) throw invalid(at, `"${at}" must be a text or a list of content parts.`);
  return foreignAmong(content, at);
}

function foreignAmong(parts: readonly unknown[], at: string): string | null {
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
