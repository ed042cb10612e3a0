import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { Agent } from 'undici';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { newUuid } from '@weir/kernel/ids';
import { createAuthenticator, type Authenticator } from './authenticator.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const token = { kind: 'accessToken', value: 'a token' } as const;
const from = { requestId: 'a request', ipAddress: '203.0.113.9', userAgent: 'test/1' };

/** The identity service, as far as it says who somebody is. */
let identity: Server;
let asked: number;
let lastAsked: unknown;
let answer: Authenticated | undefined;
const dispatcher = new Agent();

let nowMs: number;
let authenticator: Authenticator;

beforeAll(async () => {
  identity = createServer(async (request, response) => {
    asked++;
    lastAsked = await json(request);
    response.writeHead(answer ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { code: 'UNAUTHENTICATED', detail: 'The session is over.' }));
  });
  await new Promise<void>((listening) => identity.listen(0, '127.0.0.1', listening));
});
afterAll(async () => {
  await dispatcher.close();
  await new Promise((closed) => identity.close(closed));
});

beforeEach(() => {
  asked = 0;
  nowMs = NOW_MS;
  answer = {
    actor: { type: 'user', userId: newUuid(), sessionId: newUuid() },
    organizationId: newUuid(),
    permissions: [],
    expiresAtMs: NOW_MS + 3_600_000,
  };
  authenticator = createAuthenticator({
    identityUrl: `http://127.0.0.1:${(identity.address() as AddressInfo).port}`,
    internalSecret: 'secret',
    dispatcher,
    clock: { now: () => nowMs },
  });
});

it('who a credential stands for is asked once for many requests', async () => {
  await Promise.all(Array.from({ length: 10 }, () => authenticator.authenticate(token, from)));
  await authenticator.authenticate(token, from);
  expect(asked).toBe(1);
});

it('a session that ended is believed for less than a second when no signal tells of its end', async () => {
  await authenticator.authenticate(token, from);
  answer = undefined;
  nowMs += 999;
  await expect(authenticator.authenticate(token, from)).rejects.toThrow('The session is over.');
});

it('a session that ended is not believed any more once a signal tells of its end', async () => {
  const { actor } = await authenticator.authenticate(token, from);
  answer = undefined;
  if (actor.type !== 'user') throw new Error('nobody signed in');
  authenticator.forget({ sessionId: newUuid(), userId: actor.userId });
  await authenticator.authenticate(token, from);
  authenticator.forget({ sessionId: actor.sessionId, userId: actor.userId });
  await expect(authenticator.authenticate(token, from)).rejects.toThrow('The session is over.');
});

it('a credential is not believed beyond its own end', async () => {
  if (answer) answer = { ...answer, expiresAtMs: NOW_MS + 100 };
  await authenticator.authenticate(token, from);
  nowMs += 100;
  await expect(authenticator.authenticate(token, from)).rejects.toThrow('expired');
});

it('an API key is presented with its request, its address and its program, for the trail, and nothing more', async () => {
  const origin = { ...from, traceparent: '00-1-2-01' };
  await authenticator.authenticate({ kind: 'apiKey', value: 'a key' }, origin);
  expect(lastAsked).toEqual({ apiKey: 'a key', from });
});
