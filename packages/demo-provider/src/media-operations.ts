import { hashOf, NOTHING_BILLED } from './answer.ts';
import { json, text, tokenUsage, typedEvents, type Operation } from './operation.ts';
import { tokensOf } from './tokens.ts';

const CREATED_SECONDS = 1_767_225_600;
const TOKENS_PER_IMAGE = 272;
/** A PNG of one transparent pixel. */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/** 24,000 samples of 16 bits a second, in which a character takes 60 ms. */
const PCM_BYTES_PER_SECOND = 48_000;
const MS_PER_CHARACTER = 60;
/** What a second of an uploaded recording takes. */
const UPLOAD_BYTES_PER_SECOND = 16_000;

/** `POST /v1/images/generations`, `/edits` and `/variations` */
export function imagesAs(name: 'image_generation' | 'image_edit'): Operation {
  return ({ members, withUsage }) => {
    const amount = Math.min(Math.max(Number(members['n'] ?? 1), 1), 10);
    const one = {
      ...NOTHING_BILLED,
      prompt: tokensOf(text(members['prompt'])),
      completion: TOKENS_PER_IMAGE,
      images: 1,
    };
    const billed = { ...one, completion: TOKENS_PER_IMAGE * amount, images: amount };
    const facts = {
      created_at: CREATED_SECONDS,
      size: '1024x1024',
      quality: 'low',
      background: 'opaque',
      output_format: 'png',
    };
    if (members['stream'] !== true && members['stream'] !== 'true') {
      const data = Array.from({ length: amount }, () => ({ b64_json: PIXEL }));
      return json(
        { created: CREATED_SECONDS, data, ...(withUsage ? { usage: tokenUsage(billed) } : {}) },
        billed,
      );
    }
    const partial = Array.from({ length: Number(members['partial_images'] ?? 0) }, (_, index) => ({
      ...{ type: `${name}.partial_image`, ...facts, b64_json: PIXEL, partial_image_index: index },
    }));
    const completed = {
      type: `${name}.completed`,
      ...facts,
      b64_json: PIXEL,
      ...(withUsage ? { usage: tokenUsage(one) } : {}),
    };
    return typedEvents([...partial, completed], one);
  };
}

/** `POST /v1/audio/speech`: a tone whose pitch depends on the text. Billed by the character. */
export const speech: Operation = ({ members, withUsage }) => {
  const input = text(members['input']);
  const characters = Array.from(input).length;
  const audioMs = characters * MS_PER_CHARACTER;
  const billed = { ...NOTHING_BILLED, prompt: characters, audioMs };
  const pcm = Buffer.alloc((audioMs * PCM_BYTES_PER_SECOND) / 1_000);
  const step = 40 + (hashOf(input) % 200);
  for (let at = 0; at < pcm.length; at += 2) pcm.writeInt16LE(((at * step) % 20_000) - 10_000, at);
  if (members['stream_format'] === 'sse') {
    return typedEvents(
      [
        { type: 'speech.audio.delta', ...{ audio: pcm.subarray(0, 4_800).toString('base64') } },
        { type: 'speech.audio.done', ...(withUsage ? { usage: tokenUsage(billed) } : {}) },
      ],
      billed,
    );
  }
  const isRaw = members['response_format'] === 'pcm';
  return {
    contentType: isRaw ? 'audio/pcm' : 'audio/wav',
    body: isRaw ? pcm : Buffer.concat([wavHead(pcm.length), pcm]),
    billed,
    stream: false,
  };
};

/** One channel of 16 bits, uncompressed. */
function wavHead(bytes: number): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(PCM_BYTES_PER_SECOND / 2, 24);
  head.writeUInt32LE(PCM_BYTES_PER_SECOND, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(bytes, 40);
  return head;
}

/** `POST /v1/audio/transcriptions` and `/translations`: tells how large the recording was. Billed by the second. */
export const transcript: Operation = ({ members, file, withUsage }) => {
  const seconds = Math.max(1, Math.ceil((file?.length ?? 0) / UPLOAD_BYTES_PER_SECOND));
  const billed = { ...NOTHING_BILLED, audioMs: seconds * 1_000 };
  const written = `A recording of ${seconds} seconds.`;
  const usage = withUsage ? { usage: { type: 'duration', seconds } } : {};
  const end = new Date(seconds * 1_000).toISOString().slice(11, 23);
  const plain = (body: string) => ({ contentType: 'text/plain; charset=utf-8', body, billed, stream: false });
  if (members['stream'] === 'true') {
    return typedEvents(
      [
        { type: 'transcript.text.delta', ...{ delta: written } },
        { type: 'transcript.text.done', ...{ text: written, ...usage } },
      ],
      billed,
    );
  }
  switch (members['response_format']) {
    case 'text':
      return plain(`${written}\n`);
    case 'srt':
      return plain(`1\n00:00:00,000 --> ${end.replace('.', ',')}\n${written}\n`);
    case 'vtt':
      return plain(`WEBVTT\n\n00:00:00.000 --> ${end}\n${written}\n`);
    case 'verbose_json':
      return json(
        { task: 'transcribe', language: 'english', duration: seconds, text: written, ...usage },
        billed,
      );
    default:
      return json({ text: written, ...usage }, billed);
  }
};
