import { invalid, isRecord, type Members } from './request-members.ts';

/** What `input` and `prompt` may be: a text, a list of texts, tokens, a list of lists of tokens. */
export interface TextInput {
  /** How many texts there are; each is answered on its own. */
  readonly count: number;
  /** The texts, joined; tokens are not among them. */
  readonly text: string;
  /** Tokens that the client counted itself. */
  readonly tokens: number;
  /** The type of a part that is not text; null when there is none. */
  readonly foreignPart: string | null;
}

/** @throws AppError INVALID_REQUEST unless it is one of those, with something in it. */
export function readTextInput(members: Members, name: string): TextInput {
  const value = members[name];
  if (value === undefined || value === null) {
    throw invalid(name, `"${name}" is missing: send a text or a list of texts.`);
  }
  if (typeof value === 'string') {
    if (value === '') throw invalid(name, `"${name}" must be a text that is not empty.`);
    return { count: 1, text: value, tokens: 0, foreignPart: null };
  }
  if (!Array.isArray(value)) throw invalid(name, `"${name}" must be a text or a list of texts.`);
  if (value.length === 0) throw invalid(name, `"${name}" is empty: it needs at least one text.`);
  const items: readonly unknown[] = value;
  if (items.every(Number.isInteger)) return { count: 1, text: '', tokens: items.length, foreignPart: null };
  return readList(items, name);
}

function readList(items: readonly unknown[], name: string): TextInput {
  const texts: string[] = [];
  let tokens = 0;
  let foreignPart: string | null = null;
  for (const [index, item] of items.entries()) {
    if (typeof item === 'string') texts.push(item);
    else if (Array.isArray(item) && item.every(Number.isInteger)) tokens += item.length;
    else if (isRecord(item) && typeof item['type'] === 'string') {
      if (item['type'] !== 'text') foreignPart ??= item['type'].slice(0, 64);
      else if (typeof item['text'] === 'string') texts.push(item['text']);
    } else {
      throw invalid(`${name}[${index}]`, `"${name}[${index}]" must be a text or a list of tokens.`);
    }
  }
  return { count: items.length, text: texts.join('\n'), tokens, foreignPart };
}
