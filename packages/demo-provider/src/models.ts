/**
 * Everything that a model's name can ask for. This file is the one table of it; the README repeats it for people.
 *
 * A name is `<base>[-<option><number>…]`, for example `demo-small`, `demo-large-chunks100-delay5`,
 * `demo-fault-429-7` or `demo-fault-cut-2-chunks50`. A bare number belongs to the fault.
 */

/** Every dialect of conversations. */
const CONVERSATIONS = ['chat', 'completions', 'responses', 'messages', 'tools'] as const;

type Capability = (typeof CONVERSATIONS)[number] | 'embeddings' | 'moderation' | 'images' | 'audio';

export interface DemoModel {
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  /** Whether it spends reasoning tokens before its answer. */
  readonly reasons: boolean;
  /** What it is registered for; this provider would serve it everywhere. */
  readonly serves: readonly Capability[];
}

export const DEMO_MODELS = {
  'demo-small': { contextTokens: 32_768, maxOutputTokens: 4_096, reasons: false, serves: CONVERSATIONS },
  'demo-large': { contextTokens: 131_072, maxOutputTokens: 16_384, reasons: false, serves: CONVERSATIONS },
  'demo-reasoning': { contextTokens: 131_072, maxOutputTokens: 32_768, reasons: true, serves: CONVERSATIONS },
  'demo-embed': { contextTokens: 8_192, maxOutputTokens: 0, reasons: false, serves: ['embeddings'] },
  'demo-moderation': { contextTokens: 32_768, maxOutputTokens: 0, reasons: false, serves: ['moderation'] },
  'demo-image': { contextTokens: 32_768, maxOutputTokens: 1_024, reasons: false, serves: ['images'] },
  'demo-tts': { contextTokens: 4_096, maxOutputTokens: 4_096, reasons: false, serves: ['audio'] },
  'demo-transcribe': { contextTokens: 16_384, maxOutputTokens: 4_096, reasons: false, serves: ['audio'] },
} as const satisfies Record<string, DemoModel>;

/** What `demo-fault-<name>[-<number>]` does; `number` is the default of the bare number. */
export const FAULTS = {
  '400': { number: 0, does: 'refuses: the context is too long' },
  '401': { number: 0, does: 'refuses the API key' },
  '403': { number: 0, does: 'refuses the region' },
  '429': { number: 1, does: 'rate limit with Retry-After: <number> seconds' },
  quota: { number: 0, does: '429 insufficient_quota, without Retry-After' },
  '500': { number: 0, does: 'internal error' },
  '503': { number: 0, does: 'overloaded' },
  overloaded: { number: 0, does: '529, as Anthropic says that it is overloaded' },
  credit: { number: 0, does: '400 because the account has no credit left, as Anthropic says it' },
  stall: { number: 0, does: 'accepts the request and never answers' },
  slow: { number: 1_000, does: 'first byte after <number> milliseconds' },
  cut: { number: 3, does: 'closes the connection inside the event that follows <number> content events' },
  hang: { number: 3, does: 'goes silent after <number> content events and keeps the connection' },
  'error-event': { number: 3, does: 'an in-band SSE error after <number> content events, then the end' },
  garbage: { number: 0, does: 'a 200 whose body is no JSON' },
  'no-usage': { number: 0, does: 'a normal answer without usage, even when asked' },
} as const satisfies Record<string, { readonly number: number; readonly does: string }>;

export type FaultName = keyof typeof FAULTS;

/** Knobs that any model takes in its name (`-chunks100`) and any prompt takes in its last message (`#chunks=100`). */
export const OPTIONS = {
  chunks: 'how many content events each choice is streamed in (default: one per token)',
  tokens: 'how long each choice is, before max_tokens cuts it (default: 12 to 43, by the prompt)',
  delay: 'milliseconds before each event of a stream (default 0)',
} as const;

export type Options = Readonly<Partial<Record<keyof typeof OPTIONS, number>>>;

export interface Behaviour {
  readonly model: DemoModel;
  readonly fault: { readonly name: FaultName; readonly number: number } | null;
  readonly options: Options;
}

/** Bounds what a name or a prompt may ask for, so that a typing error does not keep a test running for hours. */
const NUMBER_MAX = 600_000;

const OPTION_PATTERN = /^-(chunks|tokens|delay)(\d{1,6})(?=-|$)/;
const NUMBER_PATTERN = /^-(\d{1,6})(?=-|$)/;
const PROMPT_PATTERN = /#(chunks|tokens|delay)=(\d{1,6})/g;
const FAULT_PREFIX = 'demo-fault-';

function isOption(name: string | undefined): name is keyof typeof OPTIONS {
  return name !== undefined && name in OPTIONS;
}

function startsAs(name: string, base: string): boolean {
  return name === base || name.startsWith(`${base}-`);
}

function parseOptions(text: string): Options | undefined {
  const options: Partial<Record<keyof typeof OPTIONS, number>> = {};
  let rest = text;
  while (rest !== '') {
    const match = OPTION_PATTERN.exec(rest);
    if (!match || !isOption(match[1])) return undefined;
    options[match[1]] = Math.min(Number(match[2]), NUMBER_MAX);
    rest = rest.slice(match[0].length);
  }
  return options;
}

function parseFault(name: string): Behaviour | undefined {
  const wanted = name.slice(FAULT_PREFIX.length);
  const names = Object.keys(FAULTS).filter((fault): fault is FaultName => startsAs(wanted, fault));
  const [fault] = names.sort((a, b) => b.length - a.length);
  if (fault === undefined) return undefined;
  const tail = wanted.slice(fault.length);
  const number = NUMBER_PATTERN.exec(tail);
  const options = parseOptions(number ? tail.slice(number[0].length) : tail);
  if (!options) return undefined;
  return {
    model: DEMO_MODELS['demo-small'],
    fault: { name: fault, number: number ? Math.min(Number(number[1]), NUMBER_MAX) : FAULTS[fault].number },
    options,
  };
}

/** Undefined when the provider has no model of that name. */
export function parseModelName(name: string): Behaviour | undefined {
  if (name.startsWith(FAULT_PREFIX)) return parseFault(name);
  for (const [base, model] of Object.entries(DEMO_MODELS)) {
    if (!startsAs(name, base)) continue;
    const options = parseOptions(name.slice(base.length));
    return options && { model, fault: null, options };
  }
  return undefined;
}

/** `#chunks=100 #delay=5` anywhere in a prompt; the last mention of an option counts. */
export function optionsInPrompt(prompt: string): Options {
  if (!prompt.includes('#')) return {};
  const options: Partial<Record<keyof typeof OPTIONS, number>> = {};
  for (const [, name, digits] of prompt.matchAll(PROMPT_PATTERN)) {
    if (isOption(name)) options[name] = Math.min(Number(digits), NUMBER_MAX);
  }
  return options;
}
