import { transcriptJson } from './audio-answers.ts';
import { JsonRelay } from './json-relay.ts';
import type { Relay } from './relay.ts';
import { NO_TEXT } from './text-sample.ts';

const HEAD_BYTES = 16_384;
/** Holds the last cue of any subtitle file. */
const TAIL_BYTES = 8_192;
const OPEN_BRACE = 0x7b;

/**
 * The relay of a transcript that is not streamed: JSON where the client asked for it, and otherwise a text or subtitles,
 * which report nothing. The last cue of subtitles tells how long the audio was at least.
 */
export function createTranscriptRelay(): Relay {
  let chosen: Relay | null = null;
  return {
    isVerbatim: true,
    push(chunk, forward) {
      chosen ??= chunk.length === 0 ? null : relayFor(chunk);
      if (chosen) chosen.push(chunk, forward);
      else forward(chunk);
    },
    end(forward) {
      chosen?.end(forward);
    },
    usage: () => chosen?.usage() ?? null,
    seen: () => chosen?.seen() ?? { text: NO_TEXT, images: 0, audioMs: 0 },
  };
}

function relayFor(first: Buffer): Relay {
  const start = first.findIndex((byte) => byte > 0x20);
  return first[start] === OPEN_BRACE ? new JsonRelay(transcriptJson) : createTextRelay();
}

function createTextRelay(): Relay {
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  let bytes = 0;
  return {
    isVerbatim: true,
    push(chunk, forward) {
      bytes += chunk.length;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
      tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
      forward(chunk);
    },
    end: () => undefined,
    usage: () => null,
    seen: () => ({
      text: head.length === 0 ? NO_TEXT : { text: head.toString('utf8'), scale: bytes / head.length },
      images: 0,
      audioMs: lastCueEndMs(tail.toString('latin1')),
    }),
  };
}

/** `00:01:02,500 --> 00:01:04,000` in SRT, with a point and possibly without hours in WebVTT. */
const CUE = /--> *(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)[.,](\d{3})/g;

function lastCueEndMs(text: string): number {
  let endMs = 0;
  for (const [, hours = '0', minutes, seconds, ms] of text.matchAll(CUE)) {
    endMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000 + Number(ms);
  }
  return endMs;
}
