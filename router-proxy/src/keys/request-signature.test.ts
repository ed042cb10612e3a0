import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { sealSecret } from '@weir/service/vault';
import { aPolicy } from '../test-policy.ts';
import { keyExpiryOf } from './key-expiry.ts';
import { createOwnedSecretOpener } from './owner-keys.ts';
import { createSignatureCheck } from './request-signature.ts';

const NOW_MS = Date.UTC(2026, 4, 1, 12);
const NOW = Math.floor(NOW_MS / 1_000);
const SECRET = 'weirsig_0123456789';
const BODY = Buffer.from('{"model":"gpt-4o"}');

const master = randomBytes(32);
const ownerBytes = randomBytes(32);
const [id, ownerId] = [newUuid(), newUuid()];
const signing = {
  ownerId,
  secret: sealSecret(SECRET, ownerBytes, `requestSigning:${ownerId}:${id}:1`),
  ownerKey: sealSecret(ownerBytes, master, `owner:${ownerId}:1`),
};
const check = createSignatureCheck(createOwnedSecretOpener(master));
const sign = (text: string | Buffer, secret = SECRET) =>
  createHmac('sha256', secret).update(text).digest('hex');
const signed = (timestamp: number, body: Buffer = BODY) => ({
  'x-hmac-timestamp': String(timestamp),
  'x-hmac-signature': sign(`${String(timestamp)}.${body.toString()}`),
});

interface Case {
  readonly headers?: IncomingHttpHeaders;
  readonly isRequired?: boolean;
  readonly hasSecret?: boolean;
  readonly body?: Buffer;
}

function problem({ headers = {}, isRequired = false, hasSecret = true, body = BODY }: Case) {
  const key = { id, requireSignature: isRequired, signing: hasSecret ? signing : null };
  const error = check(aPolicy({ key }), headers, body, NOW_MS);
  return error && `${error.code}: ${error.detail}`;
}

describe('a request', () => {
  it.each<[string, Case]>([
    ['is not signed and need not be', {}],
    ['has the signature of its body', { headers: { 'x-hmac-signature': sign(BODY) } }],
    ['has it in capitals', { headers: { 'x-hmac-signature': sign(BODY).toUpperCase() } }],
    ['has the signature of its time and body', { headers: signed(NOW) }],
    ['is signed at the edge of the past', { headers: signed(NOW - 300) }],
    ['is signed at the edge of the future', { headers: signed(NOW + 300) }],
    ['is signed as it must be', { headers: signed(NOW), isRequired: true }],
    [
      'has no body to sign',
      { headers: signed(NOW, Buffer.alloc(0)), body: Buffer.alloc(0), isRequired: true },
    ],
  ])('passes that %s', (_, given) => {
    expect(problem(given)).toBeNull();
  });

  it.each<[string, Case, RegExp]>([
    ['is not signed and must be', { isRequired: true }, /demands signed requests/],
    [
      'has no time and must have',
      { headers: { 'x-hmac-signature': sign(BODY) }, isRequired: true },
      /with its time/,
    ],
    ['is too old', { headers: signed(NOW - 301) }, /300 seconds away/],
    ['is from the future', { headers: signed(NOW + 301) }, /300 seconds away/],
    ['has a time that is none', { headers: { ...signed(NOW), 'x-hmac-timestamp': 'now' } }, /whole seconds/],
    [
      'was signed at another time than it says',
      { headers: { ...signed(NOW), 'x-hmac-timestamp': String(NOW - 1) } },
      /does not fit/,
    ],
    ['was altered', { headers: signed(NOW), body: Buffer.from('{"model":"gpt-4"}') }, /does not fit/],
    [
      'is signed with another secret',
      { headers: { 'x-hmac-signature': sign(BODY, 'guess') } },
      /does not fit/,
    ],
    ['has half a signature', { headers: { 'x-hmac-signature': sign(BODY).slice(32) } }, /does not fit/],
    ['has two signatures', { headers: { 'x-hmac-signature': [sign(BODY), sign(BODY)] } }, /does not fit/],
    [
      'is signed for a key that cannot be checked',
      { headers: signed(NOW), hasSecret: false },
      /no signing secret/,
    ],
    [
      'is a form with a signature',
      { headers: { ...signed(NOW), 'content-type': 'multipart/form-data; boundary=x' } },
      /multipart/,
    ],
    [
      'is a form and must be signed',
      { headers: { 'content-type': 'Multipart/form-data' }, isRequired: true },
      /multipart/,
    ],
  ])('is refused that %s', (_, given, sentence) => {
    expect(problem(given)).toMatch(/^INVALID_SIGNATURE: /);
    expect(problem(given)).toMatch(sentence);
  });

  it('opens the secret for no other key', () => {
    const key = { id: newUuid(), signing, requireSignature: false };
    expect(() => check(aPolicy({ key }), signed(NOW), BODY, NOW_MS)).toThrow('does not open');
  });
});

it('answers tell of an expiry from seven days before, and of none', () => {
  const { key } = aPolicy({ key: { expiresAtMs: NOW_MS } }).snapshot;
  expect(keyExpiryOf(key)).toEqual({ fromMs: NOW_MS - 7 * 86_400_000, instant: '2026-05-01T12:00:00.000Z' });
  expect(keyExpiryOf({ ...key, expiresAtMs: null })).toBeNull();
});
