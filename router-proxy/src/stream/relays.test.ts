import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '@weir/kernel/usage';
import { RELAYS } from './relays.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .array(fc.json(), { maxLength: 5 })
    .map((events) => Buffer.from(events.map((event) => `data: ${event}\n\n`).join(''))),
);

describe.each(Object.entries(RELAYS))('the relays of %s', (_name, relays) => {
  it.each([
    ['whole', () => relays.whole()],
    ['events', () => relays.events({ dropUsage: false })],
  ])('forward any bytes unchanged and at once, and never fail: %s', (_kind, create) => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 400 }), (body, cut) => {
        const relay = create();
        const parts: Uint8Array[] = [];
        for (const chunk of [body.subarray(0, cut), body.subarray(cut)]) {
          relay.push(chunk, (part) => void parts.push(part));
          expect(Buffer.concat(parts).length).toBe(chunk.byteOffset + chunk.length - body.byteOffset);
        }
        relay.end((part) => void parts.push(part));
        expect(Buffer.concat(parts)).toEqual(body);
        expect(relay.isVerbatim).toBe(true);
        relay.usage();
        relay.seen();
      }),
    );
  });
});

function after(relay: ReturnType<(typeof RELAYS)['chat']['whole']>, body: string, step = 7) {
  const all = Buffer.from(body);
  for (let at = 0; at < all.length; at += step) relay.push(all.subarray(at, at + step), () => undefined);
  relay.end(() => undefined);
  return relay;
}

describe('usage', () => {
  it('of several images in a stream adds up', () => {
    const event = `data: {"type":"image_edit.completed","b64_json":"AA","usage":{"input_tokens":3,"output_tokens":4}}\n\n`;
    const relay = after(RELAYS.images.events({ dropUsage: false }), event.repeat(2));
    expect(relay.usage()).toEqual({ ...NO_USAGE, inputTokens: 6, outputTokens: 8, images: 2 });
  });

  it('of images that report none is the images alone, for an estimate', () => {
    const event = `data: {"type":"image_generation.completed","b64_json":"AA"}\n\n`;
    const relay = after(RELAYS.images.events({ dropUsage: false }), event);
    expect([relay.usage(), relay.seen().images]).toEqual([null, 1]);
  });

  it.each(['completed', 'incomplete', 'failed'])(
    'of a response that is %s is in its last event',
    (status) => {
      const text = JSON.stringify({
        type: 'response.output_text.delta',
        delta: 'Hi "usage":{"input_tokens":9}',
      });
      const last = JSON.stringify({ response: { status, usage: { input_tokens: 0, output_tokens: 0 } } });
      const relay = after(
        RELAYS.responses.events({ dropUsage: false }),
        `data: ${text}\n\ndata: ${last}\n\n`,
      );
      expect(relay.usage()).toEqual(NO_USAGE);
      expect(relay.seen().text.text).toBe('Hi "usage":{"input_tokens":9}');
    },
  );

  it('of a refused moderation is nothing, and of an answered one is zero', () => {
    expect(after(RELAYS.moderations.whole(), '{"id":"m","results":[]}').usage()).toEqual(NO_USAGE);
    expect(after(RELAYS.moderations.whole(), '{"error":{"message":"no"}}').usage()).toBeNull();
  });

  it('of audio is read from its seconds, whether they are numbers or texts', () => {
    const whole = (body: object) => after(RELAYS.transcripts.whole(), JSON.stringify(body)).usage();
    expect(whole({ usage: { type: 'duration', seconds: 1.5 } })).toMatchObject({ audioMs: 1_500 });
    expect(whole({ duration: '2.25' })).toMatchObject({ audioMs: 2_250 });
    expect(whole({ text: 'x' })).toBeNull();
  });
});

describe('text that was seen', () => {
  it('of an answer too large to be kept is its beginning, which stands for all of it', () => {
    const { text, scale } = after(
      RELAYS.chat.whole(),
      JSON.stringify({ choices: [{ message: { content: 'x'.repeat(100_000) } }] }),
      5_000,
    ).seen().text;
    expect(Math.round(Buffer.byteLength(text) * scale)).toBeGreaterThan(100_000);
  });

  it('of subtitles tells the length of the audio, with and without hours', () => {
    const msOf = (body: string) => after(RELAYS.transcripts.whole(), body).seen().audioMs;
    expect(msOf('1\n00:00:00,000 --> 01:00:01,250\nHi\n')).toBe(3_601_250);
    expect(msOf('WEBVTT\n\n00:01.000 --> 00:04.500\nHi\n')).toBe(4_500);
    expect(msOf('Hi there\n')).toBe(0);
  });
});
