/** What a provider may be asked to do. Where it does that is for the adapter of its kind to say. */
export const OPERATIONS = [
  'chat/completions',
  'completions',
  'responses',
  'embeddings',
  'moderations',
  'images/generations',
  'images/edits',
  'images/variations',
  'audio/speech',
  'audio/transcriptions',
  'audio/translations',
  'messages',
  'messages/count_tokens',
] as const;

export type Operation = (typeof OPERATIONS)[number];
