import type { ChatRequest } from './chat-request.ts';
import type { Behaviour, Options } from './models.ts';
import { tokensOf } from './tokens.ts';

/** What this provider bills: `completion` contains `reasoning`, `prompt` the two that concern the cache. */
export interface Billed {
  readonly prompt: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly completion: number;
  readonly reasoning: number;
  readonly images: number;
  readonly audioMs: number;
}

export const NOTHING_BILLED: Billed = {
  prompt: 0,
  cached: 0,
  cacheWrite: 0,
  completion: 0,
  reasoning: 0,
  images: 0,
  audioMs: 0,
};

export interface Choice {
  /** One word with its leading space per token, so that any prefix of the list is a prefix of the text. */
  readonly words: readonly string[];
  readonly reasoningTokens: number;
  readonly finishReason: 'stop' | 'length';
}

export interface Answer {
  /** Depends on the model and the messages alone: streaming, caps and headers do not change it. */
  readonly id: string;
  readonly choices: readonly Choice[];
  readonly options: Options;
  /** The tool that the answer calls; null for an answer in words. */
  readonly toolCall: string | null;
  readonly billed: Billed;
}

/** Some words need two, three and four bytes per character in UTF-8, so that careless chunk handling shows. */
const VOCABULARY = [
  'water', 'flows', 'over', 'the', 'weir', 'and', 'the', 'gauge', 'reads', 'naïve', 'débit', 'while', 'a', 'heron',
  'waits', '水', '堰堤', 'below', 'Überlauf', 'keeps', 'every', 'drop', '🌊', 'counted', 'once', 'río', 'slow', 'deep',
  'plain', '🐟', 'measured', 'still',
] as const; // prettier-ignore

const WORDS_MIN = 12;
const WORDS_SPREAD = 32;
const REASONING_MIN = 16;
const REASONING_SPREAD = 48;
const CACHE_BLOCK_TOKENS = 16;

/** Whole blocks of the prompt's share. */
function blocksOf(prompt: number, share: number): number {
  return Math.floor((prompt * share) / CACHE_BLOCK_TOKENS) * CACHE_BLOCK_TOKENS;
}

/** 32-bit FNV-1a over UTF-16 units: not cryptographic, only the same everywhere and cheap. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

function wordsOf(seed: number, amount: number): string[] {
  const words: string[] = [];
  let state = seed | 1;
  for (let index = 0; index < amount; index++) {
    state = Math.imul(state, 0x9e3779b1) ^ (state >>> 15);
    const word = VOCABULARY[(state >>> 8) % VOCABULARY.length] ?? 'water';
    words.push(index === 0 ? word : ` ${word}`);
  }
  return words;
}

function choiceOf(seed: number, behaviour: Behaviour, options: Options, cap: number): Choice {
  const length = options.tokens ?? Math.max(WORDS_MIN + (seed % WORDS_SPREAD), options.chunks ?? 0);
  const wanted = behaviour.model.reasons ? REASONING_MIN + (seed % REASONING_SPREAD) : 0;
  const reasoningTokens = Math.min(wanted, cap);
  const words = wordsOf(seed, Math.min(length, cap - reasoningTokens));
  return { words, reasoningTokens, finishReason: wanted + length > cap ? 'length' : 'stop' };
}

/** A few per message beside the text: never more tokens than the request has bytes. */
export function promptTokens(request: Pick<ChatRequest, 'prompt' | 'messages'>): number {
  return tokensOf(request.prompt) + 4 * request.messages;
}

/** Pure: the same request always has the same answer, to the last byte. */
export function answerOf(request: ChatRequest, behaviour: Behaviour, options: Options): Answer {
  const seed = hashOf(`${request.model}\n${request.prompt}`);
  const cap = Math.min(request.outputCap ?? Infinity, behaviour.model.maxOutputTokens);
  const choices = Array.from({ length: request.choices }, (_, index) =>
    choiceOf((seed + Math.imul(index, 0x85ebca6b)) >>> 0, behaviour, options, cap),
  );
  const prompt = promptTokens(request);
  return {
    id: `demo${seed.toString(16).padStart(8, '0')}`,
    choices,
    options,
    toolCall: request.toolCall,
    billed: {
      ...NOTHING_BILLED,
      prompt,
      cached: blocksOf(prompt, 1 / 2),
      cacheWrite: request.writesCache ? blocksOf(prompt, 1 / 4) : 0,
      completion: choices.reduce((sum, choice) => sum + choice.reasoningTokens + choice.words.length, 0),
      reasoning: choices.reduce((sum, choice) => sum + choice.reasoningTokens, 0),
    },
  };
}
