import { NO_USAGE } from '@weir/kernel/usage';
import { speechEvents, transcriptEvents } from './audio-answers.ts';
import { createAudioRelay } from './audio-relay.ts';
import { chatEvents, completionJson, textCompletionEvents } from './completion-answers.ts';
import { createCountTokensRelay } from './count-tokens-relay.ts';
import { eventRelays, type EventDialect } from './event-relay.ts';
import { imageEvents, imageJson } from './image-answers.ts';
import { JsonRelay, type JsonDialect } from './json-relay.ts';
import { messageJson } from './messages-answers.ts';
import { createMessagesStreamRelay } from './messages-stream-relay.ts';
import type { Relay } from './relay.ts';
import { responseEvents, responseJson } from './response-answers.ts';
import { createTranscriptRelay } from './transcript-relay.ts';
import { readChatUsage, readPromptUsage } from './usage-readers.ts';

/** What stands between the answers of one family of endpoints and its clients. */
export interface AnswerRelays {
  /** For an answer that is not streamed. */
  whole(): Relay;
  /** @param dropUsage Whether the usage in the stream is there for us alone. */
  events(options: { readonly dropUsage: boolean }): Relay;
}

const embeddingJson: JsonDialect = {
  wanted: ['usage'],
  readUsage: (member) => readPromptUsage(member('usage')),
};

/** Moderation is free: an answer that tells no tokens has consumed none, and is not estimated. */
const moderationJson: JsonDialect = {
  wanted: ['usage', 'id'],
  readUsage: (member) =>
    readChatUsage(member('usage')) ??
    readPromptUsage(member('usage')) ??
    (typeof member('id') === 'string' ? NO_USAGE : null),
};

/** 24,000 samples of 16 bits, one channel: what OpenAI's voices speak. */
const PCM_BYTES_PER_SECOND = 48_000;

/** Every relay there is, by the family of endpoints whose answers it reads. */
export const RELAYS = {
  chat: relaysOf(() => new JsonRelay(completionJson), chatEvents),
  completions: relaysOf(() => new JsonRelay(completionJson), textCompletionEvents),
  responses: relaysOf(() => new JsonRelay(responseJson), responseEvents),
  embeddings: relaysOf(() => new JsonRelay(embeddingJson), chatEvents),
  moderations: relaysOf(() => new JsonRelay(moderationJson), chatEvents),
  images: relaysOf(() => new JsonRelay(imageJson), imageEvents),
  speech: relaysOf(() => createAudioRelay(PCM_BYTES_PER_SECOND), speechEvents),
  transcripts: relaysOf(createTranscriptRelay, transcriptEvents),
  messages: { whole: () => new JsonRelay(messageJson), events: createMessagesStreamRelay },
  tokenCounts: { whole: createCountTokensRelay, events: createCountTokensRelay },
} as const satisfies Readonly<Record<string, AnswerRelays>>;

function relaysOf(whole: () => Relay, dialect: EventDialect): AnswerRelays {
  return { whole, events: eventRelays(dialect) };
}
