import type { JsonObject } from '../body/json-object.ts';
import type { CallBound } from './endpoint.ts';
import type { ConversationFacts } from './messages-content.ts';
import { memberBytes, unlistedMember } from './request-members.ts';

/** What Anthropic puts around a conversation: its own system prompt for tools, role names, separators. */
const TOKENS_PER_REQUEST = 1_024;
const TOKENS_PER_MESSAGE = 16;
/**
 * Images are scaled down before they are counted. The most that Anthropic documents for one is 4,784 tokens (models
 * that see 2,576 pixels; 1,600 for the others); this leaves room for the next size.
 */
const TOKENS_PER_IMAGE = 8_192;
/** Tools that the client runs and Anthropic describes; it documents at most some 1,200 tokens for one. */
const DESCRIBED_TOOL = /^(?:bash|text_editor|computer|memory)_\d{8}$/;
const TOKENS_PER_DESCRIBED_TOOL = 2_048;

/**
 * Members that cannot make a request dearer than its bytes and its output cap say. One that is not listed might
 * (containers, MCP servers, faster or regional inference), so under a blocking budget it is refused by name.
 */
const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'system', 'max_tokens', 'stream', 'stop_sequences', 'metadata'],
  ...['temperature', 'top_p', 'top_k', 'tools', 'tool_choice', 'thinking', 'output_config', 'output_format'],
  ...['cache_control', 'service_tier', 'speed'],
]);

/** Members that are put into the prompt, possibly pretty-printed on the way. */
const REPRINTED_MEMBERS = ['tools', 'output_config', 'output_format'] as const;

/** Thinking is part of the output and within `max_tokens`. */
export function boundMessages(body: JsonObject, facts: ConversationFacts, maxTokens: number): CallBound {
  return {
    inputTokensMax: inputTokensMax(body, facts),
    output: {
      kind: 'capped',
      param: 'max_tokens',
      cap: maxTokens,
      capMin: thinkingTokens(body) + 1,
      choices: 1,
    },
    imagesMax: 0,
    unbounded: unbounded(body, facts),
  };
}

/**
 * Every token stands for at least one byte of text, and text never has more bytes than its JSON. Definitions of tools
 * and schemas are counted twice, images and tools that Anthropic describes itself at their documented most.
 */
function inputTokensMax(body: JsonObject, { messages, images }: ConversationFacts): number {
  let tokens = body.bytes.length + TOKENS_PER_REQUEST;
  tokens += messages * TOKENS_PER_MESSAGE + images * TOKENS_PER_IMAGE;
  tokens += memberBytes(body, REPRINTED_MEMBERS);
  const described = toolTypes(body).filter((type) => DESCRIBED_TOOL.test(type)).length;
  return tokens + described * TOKENS_PER_DESCRIBED_TOOL;
}

/** Anthropic refuses a cap that leaves no room behind the thinking it was asked for. */
function thinkingTokens(body: JsonObject): number {
  const thinking = body.value['thinking'];
  if (typeof thinking !== 'object' || thinking === null || !('budget_tokens' in thinking)) return 0;
  const { budget_tokens: tokens } = thinking;
  return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : 0;
}

function unbounded(body: JsonObject, { foreign }: ConversationFacts): CallBound['unbounded'] {
  if (foreign !== null) return { param: 'messages', reason: foreign, of: 'anything' };
  const unlisted = unlistedMember(body, BOUNDED_MEMBERS);
  if (unlisted) return unlisted;
  const tool = toolTypes(body).find((type) => type !== 'custom' && !DESCRIBED_TOOL.test(type));
  if (tool !== undefined)
    return { param: 'tools', reason: `a tool of the type "${tool.slice(0, 64)}"`, of: 'anything' };
  return unusual(body, 'service_tier', ['auto', 'standard_only']) ?? unusual(body, 'speed', ['standard']);
}

function unusual(body: JsonObject, name: string, usual: readonly string[]): CallBound['unbounded'] {
  const value = body.value[name];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && usual.includes(value)) return null;
  return { param: name, reason: `another "${name}" than ${usual.join(' or ')}`, of: 'anything' };
}

/** A tool without a type is one of the client's own. */
function toolTypes(body: JsonObject): readonly string[] {
  const tools = body.value['tools'];
  if (!Array.isArray(tools)) return [];
  return tools.map((tool: unknown) => {
    const type = typeof tool === 'object' && tool !== null && 'type' in tool ? tool.type : null;
    return typeof type === 'string' ? type : 'custom';
  });
}
