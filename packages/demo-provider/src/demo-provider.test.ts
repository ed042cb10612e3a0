import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_PROVIDER_API_KEY, startDemoProvider, type DemoProvider } from './demo-provider.ts';

let provider: DemoProvider;

beforeAll(async () => {
  provider = await startDemoProvider({ faultByApiKey: { 'sk-broken': 'demo-fault-500' } });
});
afterAll(() => provider.stop());

interface Body {
  readonly choices: readonly { message: { content: string }; finish_reason: string }[];
  readonly usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  readonly error?: { type: string; code: string | null; param: string | null };
}

function chat(body: object, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${provider.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${DEMO_PROVIDER_API_KEY}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify({
      model: 'demo-small',
      messages: [{ role: 'user', content: 'How high is it?' }],
      ...body,
    }),
    ...(signal ? { signal } : {}),
  });
}

const bodyOf = async (response: Response): Promise<Body> => (await response.json()) as Body;

function dataOf(stream: string): string[] {
  return stream.split('\n\n').filter(Boolean).map((event) => event.replace(/^data: /, '')); // prettier-ignore
}

/** The body's HTTP chunks as they were written, read without any client in between. */
function rawChunks(body: object): Promise<Buffer[]> {
  const payload = JSON.stringify({ messages: [{ role: 'user', content: 'raw' }], stream: true, ...body });
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(provider.port, '127.0.0.1', () => {
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${DEMO_PROVIDER_API_KEY}\r\n` +
          `content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
      );
    });
    socket.on('data', (part) => parts.push(part)).on('error', reject);
    socket.on('close', () => {
      const all = Buffer.concat(parts);
      const chunks: Buffer[] = [];
      let at = all.indexOf('\r\n\r\n') + 4;
      while (at < all.length) {
        const end = all.indexOf('\r\n', at);
        const size = Number.parseInt(all.toString('latin1', at, end), 16);
        if (!size) break;
        chunks.push(all.subarray(end + 2, end + 2 + size));
        at = end + 2 + size + 2;
      }
      resolve(chunks);
    });
  });
}

describe('chat completions', () => {
  it('answer the same request with the same bytes', async () => {
    const [a, b] = [await (await chat({})).text(), await (await chat({})).text()];
    expect(a).toBe(b);
    expect((JSON.parse(a) as Body).usage).toMatchObject({
      prompt_tokens: 8,
      prompt_tokens_details: { cached_tokens: 0 },
    });
  });

  it('stream the text that they answer unstreamed', async () => {
    const whole = await bodyOf(await chat({}));
    const events = dataOf(await (await chat({ stream: true })).text());
    expect(events.pop()).toBe('[DONE]');
    const deltas = events.map((event) => JSON.parse(event) as { choices: { delta: { content?: string } }[] });
    expect(deltas.map((delta) => delta.choices[0]?.delta.content ?? '').join('')).toBe(
      whole.choices[0]?.message.content,
    );
  });

  it('mention usage in a stream only when asked, in one last chunk without choices', async () => {
    expect(await (await chat({ stream: true })).text()).not.toContain('"usage"');
    const events = dataOf(
      await (await chat({ stream: true, stream_options: { include_usage: true } })).text(),
    );
    const usage = JSON.parse(events.at(-2) ?? '') as { choices: unknown[]; usage: unknown };
    expect(usage).toMatchObject({ choices: [], usage: (await bodyOf(await chat({}))).usage });
  });

  it('report cached and reasoning tokens as parts of their totals', async () => {
    const messages = [{ role: 'user', content: 'long '.repeat(100) }];
    const { usage } = await bodyOf(await chat({ model: 'demo-reasoning', messages }));
    expect(usage).toMatchObject({
      prompt_tokens: 129,
      prompt_tokens_details: { cached_tokens: 64 },
      total_tokens: 129 + (usage?.completion_tokens ?? 0),
    });
    expect(JSON.stringify(usage)).toMatch(/"reasoning_tokens":[1-9]/);
  });

  it('arrive in chunks that split events and characters', async () => {
    const chunks = await rawChunks({ model: 'demo-small-tokens60' });
    expect(chunks.length).toBeGreaterThan(20);
    expect(chunks.some((chunk) => chunk.toString().includes('\uFFFD'))).toBe(true);
    expect(Buffer.concat(chunks).toString()).not.toContain('\uFFFD');
  });

  it.each([
    [{ messages: [] }, 'messages'],
    [{ messages: 'hi' }, 'messages'],
    [{ messages: [{ content: 'x' }] }, 'messages[0].role'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
    [{ n: 'two' }, 'n'],
    [{ model: '' }, 'model'],
  ])('refuse %j naming the member at fault', async (body, param) => {
    const response = await chat(body);
    expect(response.status).toBe(400);
    expect((await bodyOf(response)).error).toMatchObject({ type: 'invalid_request_error', param });
  });

  it('refuse a wrong key and an unknown model in OpenAI’s error shape', async () => {
    const wrong = await chat({}, { authorization: 'Bearer sk-other' });
    expect([wrong.status, (await bodyOf(wrong)).error?.code]).toEqual([401, 'invalid_api_key']);
    const unknown = await chat({ model: 'gpt-9' });
    expect([unknown.status, (await bodyOf(unknown)).error?.code]).toEqual([404, 'model_not_found']);
  });
});

describe('faults', () => {
  it.each([
    ['400', 400],
    ['401', 401],
    ['403', 403],
    ['429', 429],
    ['quota', 429],
    ['500', 500],
    ['503', 503],
  ])('%s answers with status %i', async (fault, status) => {
    const response = await chat({ model: `demo-fault-${fault}` });
    expect(response.status).toBe(status);
    expect((await bodyOf(response)).error?.type).toEqual(expect.any(String));
  });

  it('429 says after how many seconds to come back', async () => {
    expect((await chat({ model: 'demo-fault-429-7' })).headers.get('retry-after')).toBe('7');
  });

  it('stall never answers, and is noted as aborted once the client left', async () => {
    const gaveUp = chat({ model: 'demo-fault-stall' }, {}, AbortSignal.timeout(50));
    await expect(gaveUp).rejects.toThrow();
    await expect.poll(() => provider.served().totals['demo-fault-stall']?.requests).toBe(1);
    expect(provider.served().records.at(-1)).toMatchObject({ outcome: 'aborted', billed: { prompt: 0 } });
  });

  it('cut breaks the connection inside an event and bills what was generated', async () => {
    const response = await chat({ model: 'demo-fault-cut-4', stream: true });
    const decoder = new TextDecoder();
    let text = '';
    const reading = (async () => {
      for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>)
        text += decoder.decode(part, { stream: true });
    })();
    await expect(reading).rejects.toThrow();
    expect(text.match(/"content":"[^"]/g)?.length).toBeGreaterThanOrEqual(4);
    expect(text).not.toContain('[DONE]');
    expect(provider.served().totals['demo-fault-cut-4']?.billed.completion).toBe(4);
  });

  it('error-event ends a stream with an error inside it', async () => {
    const events = dataOf(await (await chat({ model: 'demo-fault-error-event', stream: true })).text());
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { type: 'server_error' } });
  });

  it('no-usage leaves usage out of both kinds of answer and still bills', async () => {
    expect((await bodyOf(await chat({ model: 'demo-fault-no-usage' }))).usage).toBeUndefined();
    const stream = { stream: true, stream_options: { include_usage: true } };
    expect(await (await chat({ model: 'demo-fault-no-usage', ...stream })).text()).not.toContain('"usage"');
    expect(provider.served().totals['demo-fault-no-usage']?.billed.prompt).toBeGreaterThan(0);
  });

  it('can belong to a key instead of a model', async () => {
    expect((await chat({}, { authorization: 'Bearer sk-broken' })).status).toBe(500);
  });
});

describe('the record of what was served', () => {
  it('equals the usage that the answers reported, and names the caller’s request id', async () => {
    const model = 'demo-large-tokens30';
    const bodies = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        bodyOf(
          await chat(
            { model, messages: [{ role: 'user', content: `n ${index}` }] },
            { 'x-request-id': `r-${index}` },
          ),
        ),
      ),
    );
    const { totals, records } = provider.served();
    const sum = (field: 'prompt_tokens' | 'completion_tokens') =>
      bodies.reduce((total, body) => total + (body.usage?.[field] ?? 0), 0);
    expect(totals[model]).toMatchObject({
      requests: 20,
      answered: 20,
      billed: { prompt: sum('prompt_tokens'), completion: sum('completion_tokens') },
    });
    expect(
      new Set(records.filter((record) => record.model === model).map((record) => record.requestId)).size,
    ).toBe(20);
  });

  it('can be read over HTTP with the key', async () => {
    const headers = { authorization: `Bearer ${DEMO_PROVIDER_API_KEY}` };
    const response = await fetch(`${provider.url}/demo/served`, { headers });
    expect(await response.json()).toEqual(JSON.parse(JSON.stringify(provider.served())));
  });

  it('lists every model and fault', async () => {
    const headers = { authorization: `Bearer ${DEMO_PROVIDER_API_KEY}` };
    const list = (await (await fetch(`${provider.url}/v1/models`, { headers })).json()) as {
      data: { id: string }[];
    };
    expect(list.data.map((model) => model.id)).toEqual(
      expect.arrayContaining(['demo-small', 'demo-fault-cut']),
    );
  });
});
