import type { JsonObject } from '../body/json-object.ts';
import type { MessageFacts } from './chat-messages.ts';
import type { CallBound, Unbounded } from './endpoint.ts';
import { dearTier, memberBytes, positiveInteger, unlistedMember, type Members } from './request-members.ts';

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

/** Members whose content is put into the prompt, possibly pretty-printed on the way, and so counted twice. */
const REPRINTED_MEMBERS = ['tools', 'functions', 'response_format'] as const;

/** @throws AppError INVALID_REQUEST for members of a wrong type. */
export function boundChat(body: JsonObject, messages: MessageFacts): CallBound {
  return {
    inputTokensMax: inputTokensMax(body, messages.count),
    output: {
      kind: 'capped',
      param: 'max_completion_tokens',
      cap: outputCap(body.value),
      choices: positiveInteger(body.value, 'n', CHOICES_MAX) ?? 1,
    },
    imagesMax: 0,
    unbounded:
      foreignPart(messages) ??
      unlistedMember(body, BOUNDED_MEMBERS) ??
      dearTier(body.value) ??
      foreignModality(body.value),
  };
}

/** Every token stands for at least one byte of text, and text never has more bytes than its JSON. */
function inputTokensMax(body: JsonObject, messageCount: number): number {
  const added = TOKENS_PER_REQUEST + messageCount * TOKENS_PER_MESSAGE;
  return body.bytes.length + added + memberBytes(body, REPRINTED_MEMBERS);
}

/** Both members may be there; the larger one is what the provider might obey. */
function outputCap(members: Members): number | null {
  const legacy = positiveInteger(members, 'max_tokens');
  const current = positiveInteger(members, 'max_completion_tokens');
  if (legacy === null) return current;
  return current === null ? legacy : Math.max(legacy, current);
}

function foreignPart({ foreignPart: type }: MessageFacts): Unbounded | null {
  if (type === null) return null;
  return { param: 'messages', reason: `content of the type "${type}"`, of: 'anything' };
}

function foreignModality({ modalities }: Members): Unbounded | null {
  if (!Array.isArray(modalities) || modalities.every((modality) => modality === 'text')) return null;
  return { param: 'modalities', reason: 'output that is not text', of: 'anything' };
}
