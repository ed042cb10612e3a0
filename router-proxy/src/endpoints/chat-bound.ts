import { AppError } from '@weir/kernel/errors';
import type { JsonObject } from '../body/json-object.ts';
import type { CallBound } from './endpoint.ts';

/** What chat templates add around the text: role names and separators per message, tool headings, reply priming. */
const TOKENS_PER_REQUEST = 128;
const TOKENS_PER_MESSAGE = 16;
const CHOICES_MAX = 128;

/**
 * Members that cannot make a request dearer than its bytes and its output cap say. A member that is not listed might
 * (hosted tools, other modalities, dearer service tiers), so under a blocking budget it is refused by name.
 */
const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'prompt', 'request_id', 'stream', 'stream_options', 'n', 'stop', 'seed', 'user'],
  ...['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'min_p', 'typical_p', 'top_a'],
  ...[
    'frequency_penalty',
    'presence_penalty',
    'repetition_penalty',
    'logit_bias',
    'logprobs',
    'top_logprobs',
  ],
  ...['tools', 'tool_choice', 'parallel_tool_calls', 'functions', 'function_call', 'response_format'],
  ...['reasoning_effort', 'verbosity', 'metadata', 'store', 'prompt_cache_key', 'prompt_cache_retention'],
  ...['safety_identifier', 'stop_token_ids', 'ignore_eos', 'min_tokens', 'skip_special_tokens'],
  ...[
    'chat_template_kwargs',
    'guided_json',
    'guided_regex',
    'guided_choice',
    'guided_grammar',
    'structured_outputs',
  ],
  ...['service_tier', 'modalities'],
]);

/** Members whose content is put into the prompt, possibly pretty-printed on the way. */
const REPRINTED_MEMBERS = ['tools', 'functions', 'response_format'] as const;

/** @throws AppError INVALID_REQUEST for members of a wrong type. */
export function boundChat(body: JsonObject, messages: readonly MessageFacts[]): CallBound {
  return {
    inputTokensMax: inputTokensMax(body, messages.length),
    choices: positiveInteger(body, 'n', CHOICES_MAX) ?? 1,
    outputCap: outputCap(body),
    unbounded: unbounded(body, messages),
  };
}

/** What matters of a message once it is known to be well formed. */
export interface MessageFacts {
  /** The type of a content part that is not text (`image_url`, `file`, …); null when there is none. */
  readonly foreignPart: string | null;
}

/**
 * Every token stands for at least one byte of text, and text never has more bytes than its JSON. Definitions that a
 * provider prints again with indentation are counted twice.
 */
function inputTokensMax(body: JsonObject, messageCount: number): number {
  let tokens = body.bytes.length + TOKENS_PER_REQUEST + messageCount * TOKENS_PER_MESSAGE;
  for (const name of REPRINTED_MEMBERS) {
    const member = body.member(name);
    if (member) tokens += member.valueEnd - member.valueStart;
  }
  return tokens;
}

/** Both members may be there; the larger one is what the provider might obey. */
function outputCap(body: JsonObject): number | null {
  const legacy = positiveInteger(body, 'max_tokens');
  const current = positiveInteger(body, 'max_completion_tokens');
  if (legacy === null) return current;
  return current === null ? legacy : Math.max(legacy, current);
}

function unbounded(body: JsonObject, messages: readonly MessageFacts[]): CallBound['unbounded'] {
  for (const { foreignPart } of messages) {
    if (foreignPart !== null) return { param: 'messages', reason: `content of the type "${foreignPart}"` };
  }
  for (const name in body.value) {
    if (!BOUNDED_MEMBERS.has(name)) return { param: name, reason: `the member "${name.slice(0, 64)}"` };
  }
  const tier = body.value['service_tier'];
  if (typeof tier === 'string' && tier !== 'auto' && tier !== 'default' && tier !== 'flex') {
    return { param: 'service_tier', reason: `the service tier "${tier.slice(0, 64)}"` };
  }
  const modalities = body.value['modalities'];
  if (Array.isArray(modalities) && modalities.some((modality) => modality !== 'text')) {
    return { param: 'modalities', reason: 'output that is not text' };
  }
  return null;
}

/** Null where the member is absent or null. */
function positiveInteger(body: JsonObject, name: string, max = Number.MAX_SAFE_INTEGER): number | null {
  const value = body.value[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` of at most ${max}`;
    throw new AppError('INVALID_REQUEST', `"${name}" must be a positive whole number${upTo}.`, {
      param: name,
    });
  }
  return value;
}
