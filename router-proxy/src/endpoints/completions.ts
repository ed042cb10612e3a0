import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import type { CallBound, Endpoint, OutputBound } from './endpoint.ts';
import { renderJson } from './json-render.ts';
import {
  invalid,
  positiveInteger,
  readFlag,
  readModel,
  readText,
  unlistedMember,
  type Members,
} from './request-members.ts';
import { asksForUsage } from './stream-usage.ts';
import { readTextInput, type TextInput } from './text-input.ts';

/** `POST /v1/completions`: one text goes on from another. */
export const completions: Endpoint = {
  path: '/v1/completions',
  aliases: ['/completions'],
  operation: 'completions',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const { value } = body;
    const stream = readFlag(value, 'stream');
    const injectUsage = stream && !asksForUsage(body);
    const prompt = readTextInput(value, 'prompt');
    const suffix = readText(value, 'suffix') ?? '';
    return {
      model: readModel(value),
      stream,
      idempotencyKey: null,
      bound: boundOf(body, prompt),
      render: (changes) => renderJson(body, { caps: ['max_tokens'], injectUsage }, changes),
      relay: (isEventStream) =>
        isEventStream ? RELAYS.completions.events({ dropUsage: injectUsage }) : RELAYS.completions.whole(),
      inputFacts: () => ({ text: prompt.text + suffix, tokens: prompt.tokens, audioMs: 0 }),
    };
  },
};

const CHOICES_MAX = 128;
/** What providers put before each prompt. */
const TOKENS_PER_PROMPT = 8;

const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  ...[
    'model',
    'prompt',
    'suffix',
    'echo',
    'stream',
    'stream_options',
    'n',
    'best_of',
    'stop',
    'seed',
    'user',
  ],
  ...['max_tokens', 'min_tokens', 'temperature', 'top_p', 'top_k', 'min_p', 'logprobs', 'logit_bias'],
  ...['frequency_penalty', 'presence_penalty', 'repetition_penalty', 'stop_token_ids', 'ignore_eos'],
  ...['skip_special_tokens', 'guided_json', 'guided_regex', 'guided_choice', 'guided_grammar'],
]);

function boundOf(body: JsonObject, prompt: TextInput): CallBound {
  return {
    inputTokensMax: body.bytes.length + prompt.count * TOKENS_PER_PROMPT,
    output: outputOf(body.value, prompt.count),
    imagesMax: 0,
    unbounded: unlistedMember(body, BOUNDED_MEMBERS),
  };
}

/**
 * Every prompt is answered `n` times, and written `best_of` times for it. Without a cap providers stop after a few
 * tokens (OpenAI: 16), which a cap of ours would change, so then none is set.
 */
function outputOf(members: Members, prompts: number): OutputBound {
  const n = positiveInteger(members, 'n', CHOICES_MAX) ?? 1;
  const choices = prompts * Math.max(n, positiveInteger(members, 'best_of', CHOICES_MAX) ?? 1);
  const cap = outputCap(members);
  return cap === null ? { kind: 'uncapped', choices } : { kind: 'capped', param: 'max_tokens', cap, choices };
}

/** Zero is allowed: whoever only wants the log probabilities of the prompt asks for no output. */
function outputCap(members: Members): number | null {
  const value = members['max_tokens'];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw invalid('max_tokens', '"max_tokens" must be a whole number.');
  }
  return value;
}
