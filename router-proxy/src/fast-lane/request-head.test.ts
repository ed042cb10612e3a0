import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readPlainHead } from './request-head.ts';

/** Node's own parser, which gets the same bytes. */
const node = createServer();

afterAll(() => {
  node.close();
});

/** @returns What Node makes of it; undefined where it refuses, or waits for more. */
async function readByNode(bytes: Buffer): Promise<IncomingMessage | undefined> {
  const [ours, theirs] = duplexPair();
  const request = new Promise<IncomingMessage | undefined>((resolve) => {
    node.once('request', (req) => {
      resolve(req);
    });
    node.once('clientError', () => {
      resolve(undefined);
    });
    ours.once('close', () => {
      resolve(undefined);
    });
  });
  node.emit('connection', theirs);
  ours.end(bytes);
  ours.resume();
  const found = await request;
  node.removeAllListeners('request').removeAllListeners('clientError');
  theirs.destroy();
  return found;
}

function head(...lines: readonly string[]): Buffer {
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
}

const PLAIN = ['POST /v1/chat/completions HTTP/1.1', 'Host: a', 'Content-Length: 5'] as const;

describe('a plain head', () => {
  it('is read: names in lower case, values without the spaces around them, the body behind it', () => {
    const bytes = Buffer.concat([head(...PLAIN, 'X-A: \t b c \t', 'x-empty:'), Buffer.from('12345')]);
    const found = readPlainHead(bytes);
    expect(found).toMatchObject({ url: '/v1/chat/completions', bodyBytes: 5 });
    expect(bytes.toString('latin1', found?.bodyStart)).toBe('12345');
    expect({ ...found?.headers }).toEqual({ host: 'a', 'content-length': '5', 'x-a': 'b c', 'x-empty': '' });
  });

  it('may hold any name', () => {
    const { headers } = readPlainHead(head(...PLAIN, '__proto__: a', 'constructor: b')) ?? {};
    expect(headers?.['constructor']).toBe('b');
    expect(headers?.['hasOwnProperty']).toBeUndefined();
  });

  it('may say that the connection is kept, and nothing else of it', () => {
    expect(readPlainHead(head(...PLAIN, 'Connection: Keep-Alive'))).not.toBeNull();
    expect(readPlainHead(head(...PLAIN, 'Connection: close'))).toBeNull();
    expect(readPlainHead(head(...PLAIN, 'Connection: keep-alive, x-a'))).toBeNull();
  });
});

describe('a head that leaves something to interpretation is left to Node', () => {
  const [line, host, length] = PLAIN;
  it.each([
    ['two lengths', [...PLAIN, 'Content-Length: 5']],
    ['a name twice, in other letters', [...PLAIN, 'x-a: 1', 'X-A: 1']],
    ['chunks', [line, host, 'Transfer-Encoding: chunked']],
    ['chunks beside a length', [...PLAIN, 'Transfer-Encoding: chunked']],
    ['no length', [line, host]],
    ['a length that is no number', [line, host, 'Content-Length: 5, 5']],
    ['a length with a sign', [line, host, 'Content-Length: +5']],
    ['a length in another system', [line, host, 'Content-Length: 0x5']],
    ['a length beyond what a number holds', [line, host, `Content-Length: ${'9'.repeat(16)}`]],
    ['no host', [line, length]],
    ['a folded line', [...PLAIN, 'x-a: 1', ' 2']],
    ['a space before the colon', [...PLAIN, 'x-a : 1']],
    ['a line without a colon', [...PLAIN, 'x-a']],
    ['a line without a name', [...PLAIN, ': 1']],
    ['a bare line feed', [...PLAIN, 'x-a: 1\nx-b: 2']],
    ['a bare carriage return', [...PLAIN, 'x-a: 1\rx-b: 2']],
    ['a zero byte', [...PLAIN, 'x-a: \0']],
    ['a byte beyond ASCII', [...PLAIN, 'x-a: \xe9']],
    ['an expectation', [...PLAIN, 'Expect: 100-continue']],
    ['an upgrade', [...PLAIN, 'Upgrade: websocket']],
    ['another method', ['GET / HTTP/1.1', host, length]],
    ['another version', ['POST / HTTP/1.0', host, length]],
    ['an empty line first', ['', ...PLAIN]],
    ['no headers', [line]],
    ['more than 16 KiB', [...PLAIN, `x-a: ${'a'.repeat(16_384)}`]],
  ])('%s', (_, lines) => {
    expect(readPlainHead(head(...lines))).toBeNull();
  });

  it('a head that is not there as a whole', () => {
    const whole = head(...PLAIN);
    for (let length = 0; length < whole.length; length++)
      expect(readPlainHead(whole.subarray(0, length))).toBeNull();
  });
});

describe('whatever is read as plain', () => {
  const name = fc.constantFrom(
    'X-A',
    'x-b',
    'Accept',
    'content-type',
    'AUTHORIZATION',
    'te',
    'Trailer',
    'cookie',
  );
  const value = fc.string({
    unit: fc.constantFrom('a', 'B', ' ', '\t', ',', ':', ';', '"', '\\', '%'),
    maxLength: 12,
  });
  const odd = fc.constantFrom(
    '\r',
    '\n',
    '\0',
    '\x7f',
    '\xff',
    ' ',
    ':',
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: 0\r\n',
  );

  it('is read by Node in the same way', async () => {
    const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });
    const mutation = fc.option(fc.tuple(fc.nat({ max: 200 }), odd), { freq: 2 });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fields, mutation, async (pairs, change) => {
        const bytes = head(...PLAIN, ...pairs.map(([key, text]) => `${key}: ${text}`)).toString('latin1');
        const at = change ? change[0] % bytes.length : 0;
        const given = Buffer.from(
          change ? bytes.slice(0, at) + change[1] + bytes.slice(at) : bytes,
          'latin1',
        );
        const plain = readPlainHead(given);
        // A path that is no endpoint's reaches nobody on this lane.
        if (plain?.url !== '/v1/chat/completions') return;
        compared++;
        const theirs = await readByNode(given);
        expect(theirs).toMatchObject({ method: 'POST', url: plain.url });
        expect({ ...plain.headers }).toEqual({ ...theirs?.headers });
      }),
      { numRuns: 500 },
    );
    expect(compared).toBeGreaterThan(50);
  });
});
