import type { Operation } from './operation.ts';

/**
 * What a model can be registered for. Those of the first line are demanded by the endpoints that need them; `vision`
 * and `tools` only tell people.
 */
export const MODEL_CAPABILITIES = [
  'chat', 'completions', 'responses', 'messages', 'embeddings', 'images', 'audio', 'moderation',
  'vision', 'tools',
] as const; // prettier-ignore

export type ModelCapability = (typeof MODEL_CAPABILITIES)[number];

/** What a model must be registered for to serve an operation. */
export const CAPABILITY_OF_OPERATION = {
  'chat/completions': 'chat',
  completions: 'completions',
  responses: 'responses',
  embeddings: 'embeddings',
  moderations: 'moderation',
  'images/generations': 'images',
  'images/edits': 'images',
  'images/variations': 'images',
  'audio/speech': 'audio',
  'audio/transcriptions': 'audio',
  'audio/translations': 'audio',
  messages: 'messages',
  'messages/count_tokens': 'messages',
} as const satisfies Record<Operation, ModelCapability>;
