import Anthropic from '@anthropic-ai/sdk';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeId } from '@weir/kernel/ids';
import { signIn, type Session } from './src/graphql.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';

/** `/v1/messages`, as the official client of Anthropic sees it. */
describe.each(modes())('messages on the %s platform', (mode) => {
  let platform: Platform;
  let client: Anthropic;

  const clientWith = (apiKey: string): Anthropic =>
    // The client adds `/v1/messages` itself.
    new Anthropic({
      baseURL: platform.access.inferenceUrl.replace(/\/v1$/, ''),
      apiKey,
      authToken: null,
      maxRetries: 0,
    });

  beforeAll(async () => {
    platform = await startPlatform(mode);
    client = clientWith(platform.access.apiKey);
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  const request = {
    model: 'demo-small',
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'How high is the water? '.repeat(10) }],
  };

  it('are answered by base URL and key alone', async () => {
    const { data, request_id: requestId } = await client.messages.create(request).withResponse();
    expect(data).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' });
    expect(data.usage.output_tokens).toBeGreaterThan(0);
    expect(data.usage.cache_read_input_tokens).toBeGreaterThan(0);
    expect(requestId).toMatch(/^req_/);
  });

  it('are streamed: the same text, and the usage that the whole answer has', async () => {
    const whole = await client.messages.create(request);
    const stream = client.messages.stream(request);
    let text = '';
    stream.on('text', (piece) => (text += piece));
    const streamed = await stream.finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(whole.content[0]).toMatchObject({ text });
    expect(streamed.usage).toMatchObject({
      input_tokens: whole.usage.input_tokens,
      output_tokens: whole.usage.output_tokens,
    });
  });

  it('come from models that the client lists and looks up', async () => {
    const names: string[] = [];
    for await (const model of client.models.list()) names.push(model.id);
    expect(names).toContain(request.model);
    const found = await client.models.retrieve(request.model);
    expect(found).toMatchObject({ type: 'model', id: request.model });
    expect(Date.parse(found.created_at)).toBeLessThanOrEqual(Date.now());
    await expect(client.models.retrieve('no-such-model')).rejects.toMatchObject({ status: 404 });
  });

  it('call tools, streamed and not, and take their results', async () => {
    const tools = [{ name: 'gauge', input_schema: { type: 'object' as const } }];
    const call = await client.messages.create({ ...request, tools });
    expect(call.stop_reason).toBe('tool_use');
    const streamed = await client.messages.stream({ ...request, tools }).finalMessage();
    expect(streamed.content).toEqual(call.content);
    const [use] = call.content;
    if (use?.type !== 'tool_use') throw new Error('no tool was called');
    const answer = await client.messages.create({
      ...request,
      tools,
      messages: [
        ...request.messages,
        { role: 'assistant', content: [{ type: 'tool_use', id: use.id, name: use.name, input: use.input }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '3 m' }] },
      ],
    });
    expect(answer.content[0]?.type).toBe('text');
  });

  it('are counted beforehand', async () => {
    const counted = await client.messages.countTokens({ model: request.model, messages: request.messages });
    const { usage } = await client.messages.create(request);
    expect(counted.input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
  });

  describe('that are refused throw the client’s own kind of error', () => {
    async function errorOf(promise: PromiseLike<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
      try {
        await promise;
      } catch (thrown) {
        if (thrown instanceof Anthropic.APIError) return thrown;
        throw thrown;
      }
      throw new Error('it was not refused');
    }

    it('for an unknown key', async () => {
      const error = await errorOf(clientWith('sk-Xvsnot-a-key').messages.create(request));
      expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
      expect(error).toMatchObject({ type: 'authentication_error', errorCode: 'INVALID_API_KEY' });
      expect(error.requestID).toMatch(/^req_/);
    });

    it('for a request that is not valid, ours and the provider’s', async () => {
      const ours = await errorOf(client.messages.create({ ...request, messages: [] }));
      expect(ours).toBeInstanceOf(Anthropic.BadRequestError);
      expect(ours).toMatchObject({ type: 'invalid_request_error', errorCode: 'INVALID_REQUEST' });
      expect(ours.apiMessage).toContain('"messages" is empty');
      const theirs = await errorOf(client.messages.create({ ...request, model: 'demo-fault-400' }));
      expect(theirs).toBeInstanceOf(Anthropic.BadRequestError);
      expect(theirs).toMatchObject({ type: 'invalid_request_error', apiMessage: 'The context is too long.' });
    });

    it('for an unknown model', async () => {
      const error = await errorOf(client.messages.create({ ...request, model: 'no-such-model' }));
      expect(error).toBeInstanceOf(Anthropic.NotFoundError);
      expect(error).toMatchObject({ type: 'not_found_error', errorCode: 'MODEL_NOT_FOUND' });
    });

    it('in the middle of a stream', async () => {
      const stream = client.messages.stream({ ...request, model: 'demo-fault-error-event' });
      const error = await errorOf(stream.finalMessage());
      expect(error.message).toContain('Overloaded');
    });

    /** A key of its own, known to no other test. */
    async function newKey(session: Session): Promise<{ id: string; secret: string }> {
      const { apiKeyCreate } = await session.ask<{
        apiKeyCreate: { secret: string; apiKey: { id: string } };
      }>(
        `mutation ($id: ID!, $name: String!) { apiKeyCreate(input: { organizationId: $id, name: $name }) {
          secret apiKey { id } userErrors { message } } }`,
        { id: platform.access.organizationId, name: `messages ${++keys}` },
      );
      return { id: apiKeyCreate.apiKey.id, secret: apiKeyCreate.secret };
    }
    let keys = 0;

    it('for a limit, with when to come back', async () => {
      const { id, secret } = await newKey(await signIn(platform.access));
      const db = new pg.Client({ connectionString: platform.databaseUrl });
      await db.connect();
      await db.query(`update identity.api_keys set limits = '{"requestsPerMinute":1}' where id = $1`, [
        decodeId('apiKey', id),
      ]);
      await db.end();
      await clientWith(secret).messages.create(request);
      const error = await errorOf(clientWith(secret).messages.create(request));
      expect(error).toBeInstanceOf(Anthropic.RateLimitError);
      expect(error).toMatchObject({ type: 'rate_limit_error', errorCode: 'RATE_LIMITED' });
      expect(error.headers?.get('anthropic-ratelimit-requests-remaining')).toBe('0');
      expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0);
    });

    it('for a budget that is used up', async () => {
      const session = await signIn(platform.access);
      const { id, secret } = await newKey(session);
      await session.ask(
        `mutation ($input: BudgetCreateInput!) { budgetCreate(input: $input) { userErrors { message } } }`,
        {
          input: {
            organizationId: platform.access.organizationId,
            apiKeyId: id,
            name: 'One request',
            metric: 'REQUESTS',
            limit: '1',
            period: 'MONTHLY',
            enforcement: 'BLOCK',
          },
        },
      );
      await clientWith(secret).messages.create(request);
      const error = await errorOf(clientWith(secret).messages.create(request));
      expect(error).toBeInstanceOf(Anthropic.PaymentRequiredError);
      expect(error).toMatchObject({ type: 'billing_error', errorCode: 'QUOTA_EXCEEDED' });
      expect(error.apiMessage).toContain('"One request"');
    });
  });
});
