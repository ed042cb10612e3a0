import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from '../endpoints/endpoint.ts';
import { SocketAnswer } from '../fast-lane/socket-answer.ts';
import type { AnswerChannel } from './answer-channel.ts';
import { ClientAnswer } from './client-answer.ts';

/** What may stand between an answer and its socket. */
const CHANNELS: Readonly<Record<string, (socket: Socket) => AnswerChannel>> = {
  'an answer of Node'(socket) {
    const request = new IncomingMessage(socket);
    request.httpVersionMajor = 1;
    request.httpVersionMinor = 1;
    const res = new ServerResponse(request);
    res.assignSocket(socket);
    return res;
  },
  'an answer on the socket': (socket) =>
    new SocketAnswer(socket, { keepsAlive: true, keepAliveSeconds: 72, answered: () => undefined }),
};

/** The answer to a client whose socket keeps what is written to it, one entry per write. */
function answerOn(channel: (socket: Socket) => AnswerChannel, dialect: Dialect = 'openai') {
  const writes: string[] = [];
  const socket = new Socket();
  socket._write = (chunk: Buffer | string, _, done) => {
    writes.push(chunk.toString('latin1'));
    done();
  };
  socket._writev = (chunks, done) => {
    writes.push(chunks.map(({ chunk }) => (chunk as Buffer | string).toString('latin1')).join(''));
    done();
  };
  return { writes, answer: new ClientAnswer(channel(socket), 'req_1', dialect) };
}

/** What a client reads of chunks. */
function body(text: string): string {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  let found = '';
  while (rest !== '') {
    const length = Number.parseInt(rest, 16);
    const start = rest.indexOf('\r\n') + 2;
    found += rest.slice(start, start + length);
    rest = rest.slice(start + length + 2);
  }
  return found;
}

describe.each(Object.entries(CHANNELS))('a stream of events through %s', (_, channel) => {
  it('begins with its head where the first event is long in coming', async () => {
    const given = answerOn(channel);
    given.answer.start(200, ['x-a', '1'], true, null);
    await nextTurn();
    expect(given.writes).toHaveLength(1);
    expect(given.writes[0]).toMatch(/^HTTP\/1\.1 200 OK\r\nx-a: 1\r\n/);
    given.answer.write(Buffer.from('data: 1\n\n'));
    await nextTurn();
    expect(given.writes).toHaveLength(2);
  });

  it('is one write for what came in one turn of the event loop: its head, its events and its end', async () => {
    const given = answerOn(channel);
    given.answer.start(200, [], true, null);
    given.answer.write(Buffer.from('data: 1\n\n'));
    given.answer.write(Buffer.from('data: 2\n\n'));
    void Promise.resolve().then(() => {
      given.answer.end();
    });
    await nextTurn();
    expect(given.writes).toHaveLength(1);
    expect(body(given.writes.join(''))).toBe('data: 1\n\ndata: 2\n\n');
  });

  it('is what was written, in its order, however it came and whether it ends or is broken off', async () => {
    const step = fc.oneof(fc.integer({ min: 0, max: 12_000 }), fc.constant('next turn' as const));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, isBrokenOff) => {
        const given = answerOn(channel);
        let expected = '';
        given.answer.start(200, [], true, null);
        for (const [index, one] of steps.entries()) {
          if (one === 'next turn') {
            await nextTurn();
            continue;
          }
          const event = String.fromCharCode(97 + index).repeat(one);
          expected += event;
          given.answer.write(Buffer.from(event));
        }
        if (isBrokenOff) given.answer.fail(new Error('broken'));
        else given.answer.end();
        await nextTurn();
        const got = body(given.writes.join(''));
        expect(got.slice(0, expected.length) === expected).toBe(true);
        const ending = got.slice(expected.length, got.indexOf('data: {'));
        expect(ending).toBe(isBrokenOff ? `${expected === '' ? '' : '\n\n'}event: error\n` : '');
      }),
    );
  });

  it.each(['\n', '\r\n', '\r'])(
    'tells that it was broken off by an event of its own, wherever the provider was (lines end with %j)',
    async (lineEnd) => {
      const event = ['event: delta', 'data: {"choices":[{"delta":{"content":"Hi"}}]}', '', ''].join(lineEnd);
      for (let at = 1; at <= event.length; at++) {
        const given = answerOn(channel);
        given.answer.start(200, [], true, null);
        given.answer.write(Buffer.from(event + event.slice(0, at)));
        given.answer.fail(new Error('broken'));
        await nextTurn();
        const got = body(given.writes.join(''));
        const blocks = got.split(/\r\n\r\n|\n\n|\r\r/).filter((block) => block !== '');
        expect(blocks[0]).toBe(event.trimEnd());
        expect(blocks.at(-1)?.trimStart()).toMatch(/^event: error\ndata: .*"code":"INTERNAL"/);
        if (at === event.length) expect(got).toMatch(new RegExp(`Hi"}}]}${lineEnd}${lineEnd}event: error\n`));
      }
    },
  );

  it('gives half an event of a message that broke off a name that its clients pass over', async () => {
    const given = answerOn(channel, 'anthropic');
    given.answer.start(200, [], true, null);
    given.answer.write(
      Buffer.from('event: message_start\ndata: {}\n\nevent: content_block_delta\ndata: {"ty'),
    );
    given.answer.fail(new Error('broken'));
    await nextTurn();
    const events = body(given.writes.join('')).split('\n\n');
    // Of several names the last one counts.
    const names = events.map((event) => event.match(/(?<=^event: ).*$/gm)?.at(-1));
    expect(names).toEqual(['message_start', 'ping', 'error', undefined]);
  });

  it('is as long as it was written where its length was announced, in one write if it is short', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 20_000 }), { maxLength: 4 }), async (lengths) => {
        const given = answerOn(channel);
        const all = lengths.map((length, index) => String.fromCharCode(0xe0 + index).repeat(length));
        const bytes = all.reduce((sum, { length }) => sum + length, 0);
        given.answer.start(200, ['content-length', String(bytes)], false, bytes);
        for (const text of all) given.answer.write(Buffer.from(text, 'latin1'));
        given.answer.end();
        await nextTurn();
        const text = given.writes.join('');
        expect(text.slice(text.indexOf('\r\n\r\n') + 4) === all.join('')).toBe(true);
        if (lengths.length === 1 && bytes <= 16_384) expect(given.writes).toHaveLength(1);
      }),
    );
  });
});
