import { applyEdits, type Edit } from '../body/json-edit.ts';
import type { Member } from '../body/json-members.ts';
import { removeMember, type JsonObject } from '../body/json-object.ts';
import type { RequestChanges } from './endpoint.ts';
import { editsOf, type JsonShape } from './json-render.ts';

/** `prompt` and `request_id` of `/v1/inference` are Weir's own members; a provider does not know them. */
export function renderInference(body: JsonObject, shape: JsonShape, changes: RequestChanges): Uint8Array {
  const edits = editsOf(body, shape, changes);
  const prompt = body.member('prompt');
  if (prompt) edits.push(promptAsMessage(body, prompt));
  const requestId = body.member('request_id');
  if (requestId) edits.push(removeMember(body, requestId));
  return applyEdits(body.bytes, edits);
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
