import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiKeyOf } from './api-key-header.ts';
import { createAddressOf } from './client-address.ts';
import { appendLimitHeaders, formatDuration } from './limit-headers.ts';
import { providerRequestHeaders } from './request-headers.ts';
import { appendProviderHeaders, isEventStream } from './response-headers.ts';

function asObject(headers: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : [])));
}

const CANARY = 'canary-7f3a';

describe('headers to the provider', () => {
  it('carry nothing of the client but what is listed', () => {
    const clientHeaders = fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          'x-api-key',
          'authorization',
          'cookie',
          'x-forwarded-for',
          'forwarded',
          'host',
          'connection',
        ),
        fc.constantFrom(
          'openai-organization',
          'openai-project',
          'idempotency-key',
          'traceparent',
          'user-agent',
        ),
        fc
          .stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
          .filter((name) => name !== 'accept' && name !== 'openai-beta'),
      ),
      fc.constant(CANARY),
    );
    fc.assert(
      fc.property(clientHeaders, (client) => {
        const sent = providerRequestHeaders(
          client,
          { forwarded: ['accept', 'openai-beta'], headers: ['openai-organization', 'ours'] },
          { name: 'authorization', value: 'Bearer provider' },
          'attempt',
        );
        expect(sent.join('\n')).not.toContain(CANARY);
      }),
    );
  });

  it('carry the provider key, and what the client accepts', () => {
    const sent = providerRequestHeaders(
      { accept: 'text/event-stream' },
      { forwarded: ['accept'], headers: [] },
      { name: 'api-key', value: 'p' },
      'attempt',
    );
    expect(sent.join(' ')).toContain('api-key p');
    expect(sent.join(' ')).toContain('accept text/event-stream');
  });
});

describe('a header that an adapter sends of its own', () => {
  const sent = (client: Record<string, string>, forwarded: readonly string[]) =>
    providerRequestHeaders(
      client,
      { forwarded, headers: ['anthropic-version', 'default'] },
      { name: 'x-api-key', value: 'p' },
      'attempt',
    ).join(' ');

  it('gives way to the client where the client may say it, and only there', () => {
    expect(sent({}, ['anthropic-version'])).toContain('anthropic-version default');
    expect(sent({ 'anthropic-version': 'theirs' }, ['anthropic-version'])).toMatch(
      /anthropic-version theirs$/,
    );
    expect(sent({ 'anthropic-version': 'theirs' }, [])).toMatch(/anthropic-version default$/);
  });
});

describe('headers to the client', () => {
  it('carry nothing of the provider but what is listed', () => {
    const names = [
      'set-cookie',
      'authorization',
      'openai-organization',
      'x-request-id',
      'x-ratelimit-limit-requests',
      'server',
      'connection',
      'x-api-key',
      'transfer-encoding',
    ];
    const headers: string[] = [];
    appendProviderHeaders(headers, Object.fromEntries(names.map((name) => [name, CANARY])), true);
    expect(headers).toEqual([]);
  });

  it('keep the length only where the body stays as it is', () => {
    const length = (isVerbatim: boolean) => {
      const headers: string[] = [];
      appendProviderHeaders(headers, { 'content-length': '5' }, isVerbatim);
      return headers;
    };
    expect(length(true)).toEqual(['content-length', '5']);
    expect(length(false)).toEqual([]);
  });
});

describe('the API key', () => {
  it('is taken from X-API-Key before Authorization', () => {
    expect(apiKeyOf({ 'x-api-key': ' a ', authorization: 'Bearer b' })).toBe('a');
    expect(apiKeyOf({ authorization: 'bearer  b' })).toBe('b');
    for (const headers of [
      {},
      { authorization: 'Basic b' },
      { authorization: 'Bearer ' },
      { 'x-api-key': ' ' },
    ]) {
      expect(apiKeyOf(headers)).toBeUndefined();
    }
  });
});

describe('the client address', () => {
  it('is the peer, whatever it claims, unless the peer is a configured proxy', () => {
    expect(createAddressOf([])('10.0.0.1', '1.2.3.4')).toBe('10.0.0.1');
    expect(createAddressOf(['192.168.0.0/16'])('10.0.0.1', '1.2.3.4')).toBe('10.0.0.1');
  });

  it('is the rightmost hop that is no proxy of ours', () => {
    const addressOf = createAddressOf(['10.0.0.0/8', 'fd00::/8']);
    expect(addressOf('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.1.1.1')).toBe('1.2.3.4');
    expect(addressOf('::ffff:10.0.0.1', '2001:db8::1')).toBe('2001:db8::1');
    expect(addressOf('10.0.0.1', '6.6.6.6, 1.2.3.4:5678, 10.1.1.1:443')).toBe('1.2.3.4');
    expect(addressOf('10.0.0.1', '[2001:db8::1]:443')).toBe('2001:db8::1');
    expect(addressOf('10.0.0.1', '[2001:db8::1]')).toBe('2001:db8::1');
    expect(addressOf('10.0.0.1', '1.2.3.4, ::1:2')).toBe('::1:2');
    expect(addressOf('10.0.0.1', 'nonsense')).toBe('10.0.0.1');
    expect(addressOf('10.0.0.1', undefined)).toBe('10.0.0.1');
  });
});

describe('limit headers', () => {
  it('name the tightest request window and speak OpenAI', () => {
    const headers: string[] = [];
    const window = { subject: 'key:1', window: 'minute', limit: 10, remaining: 4, resetMs: 30_000 } as const;
    appendLimitHeaders(
      headers,
      {
        windows: [
          { ...window, metric: 'requests' },
          { ...window, metric: 'requests', window: 'hour', limit: 100, remaining: 3, resetMs: 1_800_000 },
          { ...window, metric: 'tokens', limit: 1_000, remaining: 900, resetMs: 500 },
        ],
        nowMs: 1_000_500,
        graceUntilMs: null,
      },
      'openai',
    );
    expect(asObject(headers)).toEqual({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': '2801',
      'x-ratelimit-limit-requests': '100',
      'x-ratelimit-remaining-requests': '3',
      'x-ratelimit-reset-requests': '30m0s',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '900',
      'x-ratelimit-reset-tokens': '500ms',
    });
  });

  it('speak Anthropic to its clients, with instants that are never too early', () => {
    const headers: string[] = [];
    const window = { subject: 'key:1', window: 'minute', limit: 10, remaining: 4, resetMs: 30_000 } as const;
    appendLimitHeaders(
      headers,
      {
        windows: [
          { ...window, metric: 'requests' },
          { ...window, metric: 'tokens', limit: 1_000, remaining: 900, resetMs: 501 },
        ],
        nowMs: 1_000_500,
        graceUntilMs: null,
      },
      'anthropic',
    );
    expect(asObject(headers)).toEqual({
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '1031',
      'anthropic-ratelimit-requests-limit': '10',
      'anthropic-ratelimit-requests-remaining': '4',
      'anthropic-ratelimit-requests-reset': '1970-01-01T00:17:11Z',
      'anthropic-ratelimit-tokens-limit': '1000',
      'anthropic-ratelimit-tokens-remaining': '900',
      'anthropic-ratelimit-tokens-reset': '1970-01-01T00:16:42Z',
    });
  });

  it('are left out where nothing is limited', () => {
    const headers: string[] = [];
    appendLimitHeaders(headers, { windows: [], nowMs: 0, graceUntilMs: null }, 'openai');
    expect(headers).toEqual([]);
  });

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1_500, '1.5s'],
    [90_061_001, '25h1m1.001s'],
  ])('write %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

it('an event stream is known by its media type, in whatever letters and with whatever parameters', () => {
  for (const type of ['text/event-stream', 'Text/Event-Stream', 'TEXT/EVENT-STREAM; charset=UTF-8'])
    expect(isEventStream({ 'content-type': type })).toBe(true);
  expect(isEventStream({ 'content-type': 'application/json' })).toBe(false);
  expect(isEventStream({})).toBe(false);
});
