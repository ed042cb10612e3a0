import { applyEdits, type Edit } from '../body/json-edit.ts';
import { removeMember, setMember, type JsonObject } from '../body/json-object.ts';
import { NO_MEMBERS } from '../upstream/providers/provider.ts';
import type { RequestChanges } from './endpoint.ts';

/** The provider's request: the client's bytes with the few changes that are ours or the provider's. */
export function renderMessages(body: JsonObject, changes: RequestChanges): Uint8Array {
  const members = new Map<string, string | null>();
  if (changes.model !== body.value['model']) members.set('model', JSON.stringify(changes.model));
  const { outputCap } = changes;
  if (outputCap !== null && outputCap < Number(body.value['max_tokens'])) {
    members.set('max_tokens', String(outputCap));
  }
  for (const [name, json] of Object.entries(changes.members ?? NO_MEMBERS)) members.set(name, json);
  return applyEdits(body.bytes, editsOf(body, members));
}

function editsOf(body: JsonObject, members: ReadonlyMap<string, string | null>): readonly Edit[] {
  const edits: Edit[] = [];
  for (const [name, json] of members) {
    const member = body.member(name);
    if (json !== null) edits.push(setMember(body, name, json));
    else if (member) edits.push(removeMember(body, member));
  }
  return edits;
}
