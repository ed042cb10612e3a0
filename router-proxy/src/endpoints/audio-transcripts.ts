import { RELAYS } from '../stream/relays.ts';
import { estimateAudioMs } from './audio-length.ts';
import type { Endpoint, Unbounded } from './endpoint.ts';
import { formMembers, formOnly, renderForm, requireFile, unlistedField } from './form-members.ts';
import { readFlag, readModel } from './request-members.ts';

const FIELDS = { model: 'text', stream: 'flag' } as const;

const BOUNDED_FIELDS: ReadonlySet<string> = new Set([
  ...['model', 'file', 'prompt', 'language', 'response_format', 'temperature', 'stream', 'include'],
  ...['timestamp_granularities', 'chunking_strategy', 'known_speaker_names'],
]);

/**
 * The size of a file does not bound how long its audio is, so nothing bounds what audio costs by the second or by the
 * token. Under a blocking budget a model has to have a price per request alone.
 */
const AUDIO: Unbounded = { param: 'file', reason: 'audio of unknown length', of: ['input', 'audio'] };

/** `POST /v1/audio/transcriptions`: what was said. */
export const audioTranscriptions = transcripts('audio/transcriptions');
/** `POST /v1/audio/translations`: what was said, in English. */
export const audioTranslations = transcripts('audio/translations');

function transcripts(operation: 'audio/transcriptions' | 'audio/translations'): Endpoint {
  return {
    path: `/v1/${operation}`,
    aliases: [`/${operation}`],
    operation,
    dialect: 'openai',
    isFree: false,
    read() {
      throw formOnly();
    },
    readForm(upload) {
      const { form } = upload;
      const members = formMembers(form, FIELDS);
      requireFile(form, 'file');
      return {
        model: readModel(members),
        stream: readFlag(members, 'stream'),
        idempotencyKey: null,
        bound: {
          inputTokensMax: form.textBytes,
          output: { kind: 'uncapped', choices: 1 },
          imagesMax: 0,
          unbounded: unlistedField(form, BOUNDED_FIELDS) ?? AUDIO,
        },
        render: (changes) => renderForm(upload, changes),
        relay: (isEventStream) =>
          isEventStream ? RELAYS.transcripts.events({ dropUsage: false }) : RELAYS.transcripts.whole(),
        inputFacts: () => ({
          text: form.field('prompt')?.value ?? '',
          tokens: 0,
          audioMs: estimateAudioMs(form.file.head, form.file.bytes),
        }),
      };
    },
  };
}
