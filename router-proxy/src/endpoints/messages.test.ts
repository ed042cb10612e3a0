import { describe, expect, it } from 'vitest';
import type { InferenceCall, RequestChanges } from './endpoint.ts';
import { countTokens, messages } from './messages.ts';

const conversation = [{ role: 'user', content: 'Hello' }];
const good = { model: 'm', max_tokens: 100, messages: conversation };

const read = (body: object) => messages.read(Buffer.from(JSON.stringify(body)));
const bound = (body: object) => read({ ...good, ...body }).bound;
const say = (...content: object[]) => ({ messages: [{ role: 'user', content }] });
const text = (body: ReturnType<InferenceCall['render']>) =>
  body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : 'not sent whole';
const render = (body: string, changes: RequestChanges) =>
  text(messages.read(Buffer.from(body)).render(changes));

describe('a request for a message', () => {
  it.each([
    [{ ...good, model: undefined }, 'model', '"model" is missing'],
    [{ ...good, messages: undefined }, 'messages', '"messages" is missing'],
    [{ ...good, messages: 'Hello' }, 'messages', 'must be a list'],
    [{ ...good, messages: [] }, 'messages', 'at least one'],
    [{ ...good, messages: [7] }, 'messages[0]', 'must be an object'],
    [{ ...good, messages: [{ content: 'x' }] }, 'messages[0].role', 'must be a text'],
    [{ ...good, messages: [{ role: 'user' }] }, 'messages[0].content', 'must be a text or a list'],
    [{ ...good, ...say({}) }, 'messages[0].content[0]', 'with a "type"'],
    [
      { ...good, ...say({ type: 'tool_result', content: [1] }) },
      'messages[0].content[0].content[0]',
      'with a "type"',
    ],
    [{ ...good, system: 7 }, 'system', 'must be a text or a list'],
    [{ ...good, max_tokens: undefined }, 'max_tokens', '"max_tokens" is missing'],
    [{ ...good, max_tokens: -1 }, 'max_tokens', 'not negative'],
    [{ ...good, max_tokens: '100' }, 'max_tokens', 'whole number'],
    [{ ...good, stream: 'yes' }, 'stream', 'must be true or false'],
  ])('%j is refused for %s', (body, param, sentence) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({
        code: 'INVALID_REQUEST',
        param,
        detail: expect.stringContaining(sentence) as string,
      }),
    );
  });

  it('may ask for no output, which only fills the prompt cache', () => {
    expect(bound({ max_tokens: 0 })).toMatchObject({ output: { cap: 0 }, unbounded: null });
  });
});

describe('the bound of a message', () => {
  it('is its bytes and its cap, tools counted twice, the thinking within the cap', () => {
    const plain = bound({});
    expect(plain).toMatchObject({ output: { choices: 1, cap: 100, capMin: 1 }, unbounded: null });
    expect(plain.inputTokensMax).toBeGreaterThan(JSON.stringify(good).length);
    const tools = [{ name: 't', input_schema: { type: 'object' } }];
    const added = JSON.stringify({ ...good, tools }).length - JSON.stringify(good).length;
    expect(bound({ tools }).inputTokensMax).toBe(plain.inputTokensMax + added + JSON.stringify(tools).length);
    const thinking = { type: 'enabled', budget_tokens: 1_024 };
    expect(bound({ max_tokens: 2_000, thinking })).toMatchObject({ output: { cap: 2_000, capMin: 1_025 } });
  });

  it('gives images that are in the body their documented most', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
    const one = bound(say(image));
    const two = bound(say(image, { type: 'tool_result', content: [image] }));
    expect([one.unbounded, two.unbounded]).toEqual([null, null]);
    expect(two.inputTokensMax - one.inputTokensMax).toBeGreaterThan(8_192);
  });

  it.each([
    [{ system: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }] }],
    [say({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } })],
    [say({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'x' }] } })],
    [say({ type: 'search_result', source: 's', title: 't', content: [{ type: 'text', text: 'x' }] })],
    [say({ type: 'tool_use', id: 'i', name: 'n', input: {} }, { type: 'thinking', thinking: 't' })],
    [
      {
        tools: [
          { type: 'custom', name: 't' },
          { type: 'bash_20250124', name: 'bash' },
        ],
      },
    ],
    [{ service_tier: 'auto', speed: 'standard', output_config: { effort: 'high' } }],
  ])('holds for %j', (parts) => {
    expect(bound(parts).unbounded).toBeNull();
  });

  it.each([
    [say({ type: 'image', source: { type: 'url', url: 'https://x' } }), 'messages', '"image"'],
    [say({ type: 'document', source: { type: 'base64', data: 'A' } }), 'messages', '"document"'],
    [say({ type: 'document', source: { type: 'file', file_id: 'f' } }), 'messages', '"file"'],
    [say({ type: 'container_upload', file_id: 'f' }), 'messages', '"container_upload"'],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools', '"web_search_20250305"'],
    [{ tools: [{ type: 'browser_toolset_20260801' }] }, 'tools', '"browser_toolset_20260801"'],
    [{ mcp_servers: [] }, 'mcp_servers', '"mcp_servers"'],
    [{ container: 'c' }, 'container', '"container"'],
    [{ inference_geo: 'us' }, 'inference_geo', '"inference_geo"'],
    [{ service_tier: 'priority' }, 'service_tier', '"service_tier"'],
    [{ speed: 'fast' }, 'speed', '"speed"'],
  ])('does not hold for %j, which is refused by name under a blocking budget', (parts, param, name) => {
    const { unbounded } = bound(parts);
    expect(unbounded?.param).toBe(param);
    expect(unbounded?.reason).toContain(name);
  });
});

describe('the request to the provider', () => {
  const body =
    '{ "model" : "m",\n "max_tokens":100, "x":1.0e400, "messages":[{"role":"user","content":"é"}] }';

  it('is the client’s, byte for byte, where nothing has to change', () => {
    expect(render(body, { model: 'm', outputCap: null })).toBe(body);
    expect(render(body, { model: 'm', outputCap: 100 })).toBe(body);
  });

  it('changes in the model and the cap alone', () => {
    expect(render(body, { model: 'n', outputCap: 7 })).toBe(body.replace('"m"', '"n"').replace('100', '7'));
  });

  it('has what a provider puts in its place of the model', () => {
    const members = { model: null, anthropic_version: '"vertex-2023-10-16"' };
    const rendered = render(body, { model: 'claude@1', outputCap: null, members });
    expect(rendered).toContain('1.0e400');
    expect(JSON.parse(rendered.replace('1.0e400', '1'))).toEqual({
      anthropic_version: 'vertex-2023-10-16',
      max_tokens: 100,
      x: 1,
      messages: [{ role: 'user', content: 'é' }],
    });
  });
});

describe('counting tokens', () => {
  it('needs no cap, consumes nothing and changes nothing but the model', () => {
    const sent = '{"model":"m","messages":[{"role":"user","content":"Hello"}]}';
    const call = countTokens.read(Buffer.from(sent));
    expect(call.bound).toMatchObject({ inputTokensMax: 0, output: { kind: 'none' }, unbounded: null });
    expect(text(call.render({ model: 'n', outputCap: null }))).toBe(sent.replace('"m"', '"n"'));
    expect(() => countTokens.read(Buffer.from('{"model":"m"}'))).toThrow('"messages" is missing');
  });
});
