/** A request body as JSON, its members as the client named them. */
export type ParsedBody = Readonly<Record<string, unknown>>;

/** Members that stand before the first message in a provider's prompt, of any dialect. */
const PREAMBLE = ['instructions', 'system', 'tools', 'functions'] as const;

/**
 * What all turns of a conversation begin with: the name that the client gave it for the prompt cache, else the user it
 * named, else the instructions and tools and everything up to the first message of a user. Null where the request has
 * none of these.
 */
export function conversationStart(body: ParsedBody): string | null {
  for (const name of ['prompt_cache_key', 'user']) {
    const given = body[name];
    if (typeof given === 'string' && given !== '') return JSON.stringify([name, given]);
  }
  const opening = openingOf(body['messages']) ?? openingOf(body['input']);
  const preamble = PREAMBLE.map((name) => body[name] ?? null);
  if (opening === null && preamble.every((member) => member === null)) return null;
  return JSON.stringify([preamble, opening]);
}

/** A list of messages up to the first of a user; a text as it is, which is a turn of its own. */
function openingOf(messages: unknown): unknown {
  if (typeof messages === 'string') return messages;
  if (!Array.isArray(messages) || messages.length === 0) return null;
  const firstOfUser = messages.findIndex(isOfUser);
  return firstOfUser < 0 ? messages : messages.slice(0, firstOfUser + 1);
}

function isOfUser(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'role' in message && message.role === 'user';
}
