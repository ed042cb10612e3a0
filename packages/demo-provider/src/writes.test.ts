import { describe, expect, it } from 'vitest';
import { answerOf } from './answer.ts';
import { parseChatRequest } from './chat-request.ts';
import { streamEvents } from './completion.ts';
import { parseModelName, type Behaviour } from './models.ts';
import { writesOf } from './writes.ts';

function behaviourOf(name: string): Behaviour {
  const behaviour = parseModelName(name);
  if (!behaviour) throw new Error(`no model ${name}`);
  return behaviour;
}

function eventsOf(content: string, extra: object = {}) {
  const behaviour = behaviourOf('demo-small');
  const request = parseChatRequest(
    JSON.stringify({ model: 'demo-small', messages: [{ role: 'user', content }], stream: true, ...extra }),
  );
  return streamEvents(request.model, answerOf(request, behaviour, { tokens: 60 }), true);
}

describe('the writes of a stream', () => {
  it('carry every byte of its events, whether events share writes or not', () => {
    const events = eventsOf('ship the bytes');
    const whole = Buffer.from(events.map((event) => event.text).join(''));
    for (const together of [true, false]) {
      expect(Buffer.concat(writesOf(events, together).map((write) => write.bytes))).toEqual(whole);
    }
  });

  it('hold several events in one write, parts of one event in two, and parts of a character', () => {
    const writes = writesOf(eventsOf('split the bytes'), true).map((write) => write.bytes);
    expect(writes.some((bytes) => bytes.toString().split('\n\n').length > 2)).toBe(true);
    expect(writes.some((bytes) => !bytes.toString().endsWith('\n\n'))).toBe(true);
    // A write that is no valid UTF-8 of its own begins or ends inside a character.
    expect(writes.some((bytes) => bytes.toString().includes('\uFFFD'))).toBe(true);
  });

  it('account for every event and end with all tokens', () => {
    const events = eventsOf('count the bytes', { n: 2 });
    const writes = writesOf(events, true);
    expect(writes.reduce((sum, write) => sum + write.eventsStarted, 0)).toBe(events.length);
    expect(writes.at(-1)?.tokensSoFar).toBe(120);
  });
});

describe('an answer', () => {
  const request = (extra: object) =>
    parseChatRequest(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...extra }));

  it('of a capped request is a prefix of the uncapped one and says that its length ended it', () => {
    const [full] = answerOf(request({}), behaviourOf('demo-small'), {}).choices;
    const [capped] = answerOf(request({ max_tokens: 5 }), behaviourOf('demo-small'), {}).choices;
    expect(capped).toEqual({ words: full?.words.slice(0, 5), reasoningTokens: 0, finishReason: 'length' });
    expect(full?.finishReason).toBe('stop');
  });

  it('spends the cap on reasoning first', () => {
    const answer = answerOf(request({ max_completion_tokens: 10 }), behaviourOf('demo-reasoning'), {});
    expect(answer.billed).toMatchObject({ completion: 10, reasoning: 10 });
    expect(answer.choices[0]).toMatchObject({ words: [], finishReason: 'length' });
  });

  it('has as many choices as asked for, all different and all billed', () => {
    const answer = answerOf(request({ n: 3 }), behaviourOf('demo-small'), { tokens: 20 });
    expect(new Set(answer.choices.map((choice) => choice.words.join(''))).size).toBe(3);
    expect(answer.billed.completion).toBe(60);
  });
});
