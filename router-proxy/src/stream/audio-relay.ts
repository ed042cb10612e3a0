import type { Relay } from './relay.ts';
import { NO_TEXT } from './text-sample.ts';

/** The relay of audio itself: nothing in it tells what it cost, but its length follows from its size. */
export function createAudioRelay(bytesPerSecond: number): Relay {
  let bytes = 0;
  return {
    isVerbatim: true,
    push(chunk, forward) {
      bytes += chunk.length;
      forward(chunk);
    },
    end: () => undefined,
    usage: () => null,
    seen: () => ({ text: NO_TEXT, images: 0, audioMs: Math.ceil((bytes * 1_000) / bytesPerSecond) }),
  };
}
