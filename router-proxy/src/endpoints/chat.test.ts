import { describe, expect, it } from 'vitest';
import type { InferenceCall } from './endpoint.ts';
import { chatCompletions } from './chat-completions.ts';
import { inference } from './inference.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const asIs = { model: 'm', outputCap: null };

const read = (body: object) => chatCompletions.read(Buffer.from(JSON.stringify(body)));
const readInference = (text: string) => inference.read(Buffer.from(text));
const text = (body: ReturnType<InferenceCall['render']>) =>
  Buffer.from(body instanceof Uint8Array ? body : '').toString('utf8');

describe('a chat request', () => {
  it.each([
    [{ messages }, 'model', '"model" is missing'],
    [{ model: 7, messages }, 'model', '"model" must be a text'],
    [{ model: 'm' }, 'messages', '"messages" is missing'],
    [{ model: 'm', messages: 'Hello' }, 'messages', 'must be a list'],
    [{ model: 'm', messages: [] }, 'messages', 'at least one'],
    [{ model: 'm', messages: ['Hello'] }, 'messages[0]', 'must be an object'],
    [{ model: 'm', messages: [{ content: 'x' }] }, 'messages[0].role', 'must be a text'],
    [
      { model: 'm', messages: [{ role: 'user', content: 7 }] },
      'messages[0].content',
      'must be a text or a list',
    ],
    [{ model: 'm', messages: [{ role: 'user', content: [{}] }] }, 'messages[0].content[0]', 'with a "type"'],
    [{ model: 'm', messages, stream: 'yes' }, 'stream', 'must be true or false'],
    [{ model: 'm', messages, stream: true, stream_options: 1 }, 'stream_options', 'must be an object'],
    [{ model: 'm', messages, max_tokens: 0 }, 'max_tokens', 'positive whole number'],
    [{ model: 'm', messages, max_completion_tokens: 1.5 }, 'max_completion_tokens', 'positive whole number'],
    [{ model: 'm', messages, n: 129 }, 'n', 'at most 128'],
  ])('%j is refused for %s', (body, param, sentence) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({
        code: 'INVALID_REQUEST',
        param,
        detail: expect.stringContaining(sentence) as string,
      }),
    );
  });

  it('reaches the provider byte by byte when nothing has to change', () => {
    const body =
      ' {"model" : "m","messages":[ {"role":"user","content":"\\u00e9\u4e2d"} ],"seed":98765432109876543210}';
    expect(text(chatCompletions.read(Buffer.from(body)).render(asIs))).toBe(body);
  });

  it('changes nothing but the model that was mapped', () => {
    const body = '{"messages":[{"role":"user","content":"m"}],"model":"m","x":1.10}';
    expect(text(chatCompletions.read(Buffer.from(body)).render({ model: 'n', outputCap: null }))).toBe(
      '{"messages":[{"role":"user","content":"m"}],"model":"n","x":1.10}',
    );
  });

  it.each([
    [{}, { max_completion_tokens: 10 }],
    [{ max_tokens: 50 }, { max_tokens: 10 }],
    [{ max_completion_tokens: 50 }, { max_completion_tokens: 10 }],
    [{ max_completion_tokens: null }, { max_completion_tokens: 10 }],
    [{ max_tokens: 5 }, { max_tokens: 5 }],
    [
      { max_tokens: 50, max_completion_tokens: 5 },
      { max_tokens: 10, max_completion_tokens: 5 },
    ],
  ])('is capped with the member that the client used: %j', (caps, expected) => {
    const rendered = text(read({ model: 'm', messages, ...caps }).render({ model: 'm', outputCap: 10 }));
    expect(JSON.parse(rendered)).toEqual({ model: 'm', messages, ...expected });
  });

  it.each([
    [{}, { include_usage: true }],
    [{ stream_options: {} }, { include_usage: true }],
    [{ stream_options: null }, { include_usage: true }],
    [
      { stream_options: { include_usage: false, include_obfuscation: false } },
      { include_usage: true, include_obfuscation: false },
    ],
    [{ stream_options: { include_obfuscation: false } }, { include_usage: true, include_obfuscation: false }],
  ])('asks for the usage of its stream: %j', (options, expected) => {
    const rendered = text(read({ model: 'm', messages, stream: true, ...options }).render(asIs));
    expect((JSON.parse(rendered) as { stream_options: unknown }).stream_options).toEqual(expected);
  });

  it('is bounded by its bytes, its cap and its choices', () => {
    const { bound } = read({ model: 'm', messages, n: 3, max_tokens: 7 });
    expect(bound).toMatchObject({ output: { choices: 3, cap: 7 }, unbounded: null });
    expect(bound.inputTokensMax).toBeGreaterThan(JSON.stringify({ model: 'm', messages }).length);
  });

  it.each([
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x' } }] }] },
      'messages',
    ],
    [{ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, 'messages'],
    [{ messages, web_search_options: {} }, 'web_search_options'],
    [{ messages, service_tier: 'priority' }, 'service_tier'],
    [{ messages, modalities: ['text', 'audio'] }, 'modalities'],
    [{ messages, best_of: 9 }, 'best_of'],
  ])('says what cannot be bounded: %j', (body, param) => {
    expect(read({ model: 'm', ...body }).bound.unbounded).toMatchObject({ param });
  });
});

describe('/v1/inference', () => {
  it('makes one user message of a prompt without touching its text', () => {
    const call = readInference('{"request_id":"r-1","model":"m","prompt":"\\u00e9 \\"x\\" 中"}');
    expect(text(call.render(asIs))).toBe(
      '{"model":"m","messages":[{"role":"user","content":"\\u00e9 \\"x\\" 中"}]}',
    );
    expect(call.idempotencyKey).toBe('r-1');
  });

  it('keeps the body valid wherever its own members stand', () => {
    for (const body of [
      '{"prompt":"p","model":"m","request_id":"r"}',
      '{"model":"m" , "request_id" : "r" , "prompt":"p"}',
      '{"model":"m","prompt":"p" , "request_id":"r", "stream":true}',
    ]) {
      const sent = JSON.parse(text(readInference(body).render({ model: 'n', outputCap: 5 }))) as object;
      expect(sent).toMatchObject({
        model: 'n',
        max_completion_tokens: 5,
        messages: [{ role: 'user', content: 'p' }],
      });
      expect(sent).not.toHaveProperty('request_id');
      expect(sent).not.toHaveProperty('prompt');
    }
  });

  it.each([
    ['{"model":"m","prompt":""}', 'prompt'],
    ['{"model":"m","prompt":7}', 'prompt'],
    ['{"model":"m","prompt":"p","messages":[]}', 'prompt'],
    ['{"model":"m"}', 'messages'],
    ['{"model":"m","prompt":"p","request_id":7}', 'request_id'],
    [`{"model":"m","prompt":"p","request_id":"${'x'.repeat(256)}"}`, 'request_id'],
  ])('refuses %s', (body, param) => {
    expect(() => readInference(body)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', param }));
  });
});
