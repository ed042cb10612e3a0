import { applyEdits, type Edit } from '../body/json-edit.ts';
import { objectMembers, type Member } from '../body/json-members.ts';
import { removeMember, setMember, type JsonObject } from '../body/json-object.ts';
import type { RequestChanges } from './endpoint.ts';

export interface ChatShape {
  /** The stream's usage is wanted by us and not asked for by the client. */
  readonly injectUsage: boolean;
  /** `prompt` and `request_id` are Weir's own members; a provider does not know them. */
  readonly isInference: boolean;
}

/** The provider's request: the client's bytes with the few changes that are ours. */
export function renderChat(body: JsonObject, shape: ChatShape, changes: RequestChanges): Uint8Array {
  const edits: Edit[] = [];
  if (changes.model !== body.value['model'])
    edits.push(setMember(body, 'model', JSON.stringify(changes.model)));
  if (changes.outputCap !== null) edits.push(...capOutput(body, changes.outputCap));
  if (shape.injectUsage) edits.push(includeUsage(body));
  if (shape.isInference) edits.push(...withoutOwnMembers(body));
  return applyEdits(body.bytes, edits);
}

/** Lowers the members that the client used; where it used none, adds the one that every current model knows. */
function capOutput(body: JsonObject, cap: number): readonly Edit[] {
  const used = ['max_completion_tokens', 'max_tokens'].filter((name) => typeof body.value[name] === 'number');
  if (used.length === 0) return [setMember(body, 'max_completion_tokens', String(cap))];
  return used
    .filter((name) => Number(body.value[name]) > cap)
    .map((name) => setMember(body, name, String(cap)));
}

function includeUsage(body: JsonObject): Edit {
  const options = body.member('stream_options');
  const members = options && objectMembers(body.bytes, options.valueStart);
  if (!options || !members) return setMember(body, 'stream_options', '{"include_usage":true}');
  const given = members.find((member) => member.key === 'include_usage');
  if (given) return { start: given.valueStart, end: given.valueEnd, text: 'true' };
  const open = options.valueStart + 1;
  return { start: open, end: open, text: `"include_usage":true${members.length === 0 ? '' : ','}` };
}

function withoutOwnMembers(body: JsonObject): readonly Edit[] {
  const edits: Edit[] = [];
  const prompt = body.member('prompt');
  if (prompt) edits.push(promptAsMessage(body, prompt));
  const requestId = body.member('request_id');
  if (requestId) edits.push(removeMember(body, requestId));
  return edits;
}

/** The text keeps its own bytes; only what surrounds it changes. */
function promptAsMessage(body: JsonObject, prompt: Member): Edit {
  const text = Buffer.concat([
    Buffer.from('"messages":[{"role":"user","content":'),
    body.bytes.subarray(prompt.valueStart, prompt.valueEnd),
    Buffer.from('}]'),
  ]);
  return { start: prompt.keyStart, end: prompt.valueEnd, text };
}
