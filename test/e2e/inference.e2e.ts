import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

describe.each(modes())('inference on the %s platform', (mode) => {
  let platform: Platform;
  let openai: OpenAI;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    openai = new OpenAI({
      baseURL: platform.access.inferenceUrl,
      apiKey: platform.access.apiKey,
      maxRetries: 0,
    });
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  it('answers the official OpenAI client by base URL and key alone', async () => {
    const answer = await openai.chat.completions.create({
      model: 'demo-small',
      messages: [{ role: 'user', content: 'Hello!' }],
    });
    expect(answer.choices[0]?.message.content).toBeTruthy();
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('streams to the official OpenAI client, with the usage chunk only where it was asked for', async () => {
    const request = { model: 'demo-small', messages: [{ role: 'user', content: 'Hello!' }] } satisfies Pick<
      OpenAI.ChatCompletionCreateParams,
      'model' | 'messages'
    >;
    const whole = await openai.chat.completions.create(request);
    for (const wanted of [false, true]) {
      const stream = await openai.chat.completions.create({
        ...request,
        stream: true,
        ...(wanted ? { stream_options: { include_usage: true } } : {}),
      });
      let text = '';
      let usages = 0;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        if (chunk.usage) usages++;
      }
      expect(text).toBe(whole.choices[0]?.message.content);
      expect(usages).toBe(wanted ? 1 : 0);
    }
  });

  it('takes the key as X-API-Key and as Bearer, on both chat paths, streamed and not', async () => {
    for (const path of ['/chat/completions', '/inference']) {
      for (const headers of [
        { 'x-api-key': platform.access.apiKey },
        { authorization: `Bearer ${platform.access.apiKey}` },
      ]) {
        for (const stream of [false, true]) {
          const answer = await fetch(`${platform.access.inferenceUrl}${path}`, {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' } as Record<string, string>,
            body: JSON.stringify({
              model: 'demo-small',
              stream,
              messages: [{ role: 'user', content: 'Hi' }],
            }),
          });
          const text = await answer.text();
          expect([answer.status, text.includes(stream ? 'data: [DONE]' : '"chat.completion"')]).toEqual([
            200,
            true,
          ]);
        }
      }
    }
  });

  it('takes a bare prompt on /v1/inference', async () => {
    const answer = await fetch(`${platform.access.inferenceUrl}/inference`, {
      method: 'POST',
      headers: { 'x-api-key': platform.access.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'demo-small', prompt: 'Hi' }),
    });
    expect(await answer.json()).toMatchObject({ object: 'chat.completion' });
  });

  it('lists the models that the key may use', async () => {
    const names: string[] = [];
    for await (const model of openai.models.list()) names.push(model.id);
    expect(names).toContain('demo-small');
  });

  it('answers with its request id, the limits and its own time in the headers', async () => {
    const { headers } = await chat(platform.access);
    expect(headers.get('x-request-id')).toMatch(/^req_/);
    expect(headers.get('x-routing-decision')).toBe('PRIMARY');
    expect(headers.get('server-timing')).toMatch(/dur=/);
    expect(headers.get('set-cookie')).toBeNull();
  });

  describe('what is refused, each with a status, a code and a sentence', () => {
    const valid = { model: 'demo-small', messages: [{ role: 'user', content: 'Hi' }] };
    const refusals: [string, { key?: string | null; body: string }, number, string, RegExp][] = [
      [
        'no key',
        { key: null, body: JSON.stringify(valid) },
        401,
        'MISSING_API_KEY',
        /X-API-Key|Authorization/,
      ],
      [
        'an unknown key',
        { key: 'sk-Xvsnot-a-key', body: JSON.stringify(valid) },
        401,
        'INVALID_API_KEY',
        /key/i,
      ],
      [
        'a body over 65,536 bytes',
        { body: JSON.stringify({ ...valid, user: 'x'.repeat(65_536) }) },
        413,
        'PAYLOAD_TOO_LARGE',
        /65,?536/,
      ],
      ['broken JSON', { body: '{"model": "demo-small", ' }, 400, 'INVALID_REQUEST', /JSON/],
      [
        'an unknown model',
        { body: JSON.stringify({ ...valid, model: 'no-such-model' }) },
        404,
        'MODEL_NOT_FOUND',
        /no-such-model/,
      ],
      ['no messages', { body: JSON.stringify({ model: 'demo-small' }) }, 400, 'INVALID_REQUEST', /messages/],
      [
        'wrong types',
        { body: JSON.stringify({ ...valid, messages: 'Hi' }) },
        400,
        'INVALID_REQUEST',
        /messages/,
      ],
    ];
    it.each(refusals)('%s', async (_name, { key, body }, status, code, detail) => {
      const answer = await fetch(`${platform.access.inferenceUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(key === null ? {} : { 'x-api-key': key ?? platform.access.apiKey }),
        },
        body,
      });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        status,
        expect.stringContaining('application/problem+json'),
      ]);
      const problem = (await answer.json()) as Record<string, unknown>;
      expect(problem).toMatchObject({ status, code, requestId: answer.headers.get('x-request-id') });
      expect(problem['detail']).toMatch(detail);
      expect(problem['error']).toMatchObject({ message: expect.stringMatching(detail) as string });
    });

    it('an exact 65,536 bytes are accepted', async () => {
      const padding = 65_536 - Buffer.byteLength(JSON.stringify({ ...valid, user: '' }));
      const body = JSON.stringify({ ...valid, user: 'x'.repeat(padding) });
      expect(Buffer.byteLength(body)).toBe(65_536);
      const answer = await fetch(`${platform.access.inferenceUrl}/chat/completions`, {
        method: 'POST',
        headers: { 'x-api-key': platform.access.apiKey, 'content-type': 'application/json' },
        body,
      });
      expect(answer.status).toBe(200);
    });

    it('a revoked key, on every proxy, from the next request on', async () => {
      const session = await signIn(platform.access);
      const created = await session.ask<{ apiKeyCreate: { secret: string; apiKey: { id: string } } }>(
        `mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "short-lived", scopes: ["inference:read", "inference:write"] }) {
          secret apiKey { id } userErrors { message } } }`,
        { id: platform.access.organizationId },
      );
      const { secret, apiKey } = created.apiKeyCreate;
      for (const url of platform.access.inferenceUrls) {
        expect((await chat(platform.access, { apiKey: secret, url })).status).toBe(200);
      }
      await session.ask(
        'mutation ($id: ID!) { apiKeyRevoke(input: { id: $id }) { userErrors { message } } }',
        {
          id: apiKey.id,
        },
      );
      for (const url of platform.access.inferenceUrls) {
        const code = await until('the revocation', async () => {
          const answer = await chat(platform.access, { apiKey: secret, url });
          return answer.status === 401 ? ((await answer.json()) as { code: string }).code : undefined;
        });
        expect(code).toBe('API_KEY_REVOKED');
      }
    });
  });
});
