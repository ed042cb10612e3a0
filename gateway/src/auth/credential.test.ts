import { describe, expect, it } from 'vitest';
import { newVirtualKey } from '@weir/kernel/virtual-key';
import { credentialOfConnection, credentialOfHeaders } from './credential.ts';

const key = newVirtualKey();

describe('a credential', () => {
  it.each([
    ['nothing', {}, { kind: 'none' }],
    ['an empty header', { authorization: ' ' }, { kind: 'none' }],
    ['an access token', { authorization: 'Bearer abc.def' }, { kind: 'accessToken', value: 'abc.def' }],
    ['an access token in lower case', { authorization: 'bearer abc' }, { kind: 'accessToken', value: 'abc' }],
    ['an API key as bearer', { authorization: `Bearer ${key}` }, { kind: 'apiKey', value: key }],
    [
      'an API key in its own header, which counts first',
      { 'x-api-key': key, authorization: 'Bearer abc' },
      { kind: 'apiKey', value: key },
    ],
  ])('is read from %s', (_name, headers, expected) => {
    expect(credentialOfHeaders(headers)).toEqual(expected);
  });

  it.each([
    ['another scheme', { authorization: 'Basic abc' }],
    ['an API key with a typing error', { 'x-api-key': `${key.slice(0, -1)}!` }],
    ['a token of absurd length', { authorization: `Bearer ${'x'.repeat(5_000)}` }],
  ])('is malformed for %s, and never quoted', (_name, headers) => {
    const credential = credentialOfHeaders(headers);
    expect(credential).toMatchObject({ kind: 'malformed' });
    expect(JSON.stringify(credential)).not.toContain(key.slice(8, 20));
  });

  it.each([
    ['authorization', { authorization: 'Bearer abc' }],
    ['any case', { Authorization: 'Bearer abc' }],
    ['headers', { headers: { Authorization: 'Bearer abc' } }],
  ])('is read from connection parameters: %s', (_name, params) => {
    expect(credentialOfConnection(params, {})).toEqual({ kind: 'accessToken', value: 'abc' });
  });

  it('is read from connection parameters as an API key, before the headers of the upgrade', () => {
    expect(credentialOfConnection({ apiKey: key }, { authorization: 'Bearer abc' })).toEqual({
      kind: 'apiKey',
      value: key,
    });
    expect(credentialOfConnection(undefined, { authorization: 'Bearer abc' })).toEqual({
      kind: 'accessToken',
      value: 'abc',
    });
    expect(credentialOfConnection({ headers: 'nonsense', authorization: 5 }, {})).toEqual({ kind: 'none' });
  });
});
