import { parseJsonObject } from '../body/json-object.ts';
import { createAudioRelay } from '../stream/audio-relay.ts';
import { RELAYS } from '../stream/relays.ts';
import type { Endpoint, Unbounded } from './endpoint.ts';
import { PLAIN_JSON, renderJson } from './json-render.ts';
import { readModel, readText, requireText, unlistedMember } from './request-members.ts';

const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'voice',
  'response_format',
  'speed',
  'stream_format',
]);

/** How long a text is spoken is for the voice to decide. */
const SPEECH: Unbounded = { param: 'input', reason: 'speech of unknown length', of: ['audio'] };

const MP3_BYTES_PER_SECOND = 20_000;

/**
 * How many bytes of each format a second of speech takes: exactly for what is not compressed (24,000 samples of 16 bits),
 * and else as OpenAI's voices come.
 */
const BYTES_PER_SECOND: ReadonlyMap<string, number> = new Map([
  ['pcm', 48_000],
  ['wav', 48_000],
  ['flac', 24_000],
  ['mp3', MP3_BYTES_PER_SECOND],
  ['aac', 8_000],
  ['opus', 8_000],
]);

/**
 * `POST /v1/audio/speech`: a text is spoken. A stream of events reports tokens; the audio itself reports nothing, and
 * then every character of the text counts as one input token, which is how such models are priced.
 */
export const audioSpeech: Endpoint = {
  path: '/v1/audio/speech',
  aliases: ['/audio/speech'],
  operation: 'audio/speech',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const { value } = body;
    const input = requireText(value, 'input');
    const format = readText(value, 'response_format') ?? 'mp3';
    return {
      model: readModel(value),
      stream: readText(value, 'stream_format') === 'sse',
      idempotencyKey: null,
      bound: {
        inputTokensMax: bytes.length,
        output: { kind: 'uncapped', choices: 1 },
        imagesMax: 0,
        unbounded: unlistedMember(body, BOUNDED_MEMBERS) ?? SPEECH,
      },
      render: (changes) => renderJson(body, PLAIN_JSON, changes),
      relay: (isEventStream) =>
        isEventStream
          ? RELAYS.speech.events({ dropUsage: false })
          : createAudioRelay(BYTES_PER_SECOND.get(format) ?? MP3_BYTES_PER_SECOND),
      inputFacts: () => ({ text: '', tokens: Array.from(input).length, audioMs: 0 }),
    };
  },
};
