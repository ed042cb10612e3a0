import type { JsonObject } from '../body/json-object.ts';
import type { CallBound, Unbounded } from './endpoint.ts';
import {
  dearTier,
  invalid,
  isRecord,
  memberBytes,
  positiveInteger,
  unlistedMember,
  type Members,
} from './request-members.ts';

const TOKENS_PER_REQUEST = 128;
const TOKENS_PER_ITEM = 16;

/**
 * Members that cannot make a request dearer than its bytes and its output cap say. `previous_response_id`,
 * `conversation` and `prompt` are not among them: they bring input that is not in the body.
 */
const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  ...['model', 'input', 'instructions', 'stream', 'stream_options', 'max_output_tokens', 'max_tool_calls'],
  ...[
    'temperature',
    'top_p',
    'top_logprobs',
    'text',
    'reasoning',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
  ],
  ...[
    'include',
    'metadata',
    'store',
    'background',
    'truncation',
    'user',
    'service_tier',
    'safety_identifier',
  ],
  ...['prompt_cache_key', 'prompt_cache_retention'],
]);

/** Definitions that are printed into the prompt with indentation, and so counted twice. */
const REPRINTED_MEMBERS = ['tools', 'text'] as const;

/** Items whose content is all in the body. */
const ITEMS: ReadonlySet<unknown> = new Set([
  ...['message', 'function_call', 'function_call_output', 'custom_tool_call', 'custom_tool_call_output'],
  'reasoning',
]);
const TEXT_PARTS: ReadonlySet<unknown> = new Set([
  ...['input_text', 'output_text', 'refusal', 'text', 'summary_text', 'reasoning_text'],
]);
/** Tools that the client runs itself; all others are run by the provider, for fees and with input of their own. */
const CLIENT_TOOLS: ReadonlySet<unknown> = new Set(['function', 'custom']);

/** @throws AppError INVALID_REQUEST for members of a wrong type. */
export function boundResponse(body: JsonObject): CallBound {
  const { value } = body;
  const items = readItems(value);
  return {
    inputTokensMax:
      body.bytes.length +
      TOKENS_PER_REQUEST +
      items.length * TOKENS_PER_ITEM +
      memberBytes(body, REPRINTED_MEMBERS),
    output: {
      kind: 'capped',
      param: 'max_output_tokens',
      cap: positiveInteger(value, 'max_output_tokens'),
      choices: 1,
    },
    imagesMax: 0,
    unbounded:
      unlistedMember(body, BOUNDED_MEMBERS) ?? hostedTool(value) ?? foreignItem(items) ?? dearTier(value),
  };
}

function readItems({ input }: Members): readonly Members[] {
  if (input === undefined || input === null || typeof input === 'string') return [];
  if (!Array.isArray(input)) throw invalid('input', '"input" must be a text or a list of items.');
  return input.map((item: unknown, index) => {
    if (!isRecord(item)) throw invalid(`input[${index}]`, `"input[${index}]" must be an object.`);
    return item;
  });
}

function hostedTool({ tools }: Members): Unbounded | null {
  if (!Array.isArray(tools)) return null;
  for (const tool of tools) {
    const type = typeOf(tool);
    if (!CLIENT_TOOLS.has(type)) return { param: 'tools', reason: `the tool "${type}"`, of: 'anything' };
  }
  return null;
}

function foreignItem(items: readonly Members[]): Unbounded | null {
  for (const item of items) {
    // A message may leave its type out.
    const type = item['type'] === undefined ? 'message' : typeOf(item);
    if (!ITEMS.has(type)) return { param: 'input', reason: `an item of the type "${type}"`, of: 'anything' };
    const part = foreignPart(item['content']) ?? foreignPart(item['output']);
    if (part !== null) return { param: 'input', reason: `content of the type "${part}"`, of: 'anything' };
  }
  return null;
}

function foreignPart(content: unknown): string | null {
  if (!Array.isArray(content)) return null;
  const foreign: unknown = content.find((part) => !TEXT_PARTS.has(typeOf(part)));
  return foreign === undefined ? null : typeOf(foreign);
}

function typeOf(value: unknown): string {
  return isRecord(value) && typeof value['type'] === 'string' ? value['type'].slice(0, 64) : 'unknown';
}
