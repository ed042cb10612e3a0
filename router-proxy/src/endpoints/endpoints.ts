import { audioSpeech } from './audio-speech.ts';
import { audioTranscriptions, audioTranslations } from './audio-transcripts.ts';
import { chatCompletions } from './chat-completions.ts';
import { completions } from './completions.ts';
import { embeddings } from './embeddings.ts';
import type { Endpoint } from './endpoint.ts';
import { imagesEdits } from './images-edits.ts';
import { imagesGenerations } from './images-generations.ts';
import { imagesVariations } from './images-variations.ts';
import { inference } from './inference.ts';
import { countTokens, messages } from './messages.ts';
import { moderations } from './moderations.ts';
import { responses } from './responses.ts';

/** Every inference endpoint of the proxy. Another one is another file beside these, and its name here. */
export const endpoints: readonly Endpoint[] = [
  chatCompletions,
  inference,
  completions,
  responses,
  embeddings,
  moderations,
  imagesGenerations,
  imagesEdits,
  imagesVariations,
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  messages,
  countTokens,
];
