import { applyEdits, type Edit } from '../body/json-edit.ts';
import { setMember, type JsonObject } from '../body/json-object.ts';
import type { RequestChanges } from './endpoint.ts';
import { includeUsage } from './stream-usage.ts';

export interface JsonShape {
  /** Members that cap the output; the first is set where the client used none. */
  readonly caps: readonly string[];
  /** The stream's usage is wanted by us and not asked for by the client. */
  readonly injectUsage: boolean;
}

export const PLAIN_JSON: JsonShape = { caps: [], injectUsage: false };

/** The provider's request: the client's bytes with the few changes that are ours. */
export function renderJson(body: JsonObject, shape: JsonShape, changes: RequestChanges): Uint8Array {
  return applyEdits(body.bytes, editsOf(body, shape, changes));
}

export function editsOf(body: JsonObject, { caps, injectUsage }: JsonShape, changes: RequestChanges): Edit[] {
  const edits: Edit[] = [];
  if (changes.model !== body.value['model'])
    edits.push(setMember(body, 'model', JSON.stringify(changes.model)));
  if (changes.outputCap !== null) edits.push(...capOutput(body, caps, changes.outputCap));
  if (injectUsage) edits.push(includeUsage(body));
  return edits;
}

/** Lowers the members that the client used; where it used none, adds the one that every current model knows. */
function capOutput(body: JsonObject, caps: readonly string[], cap: number): readonly Edit[] {
  const used = caps.filter((name) => typeof body.value[name] === 'number');
  const [usual] = caps;
  if (used.length === 0) return usual === undefined ? [] : [setMember(body, usual, String(cap))];
  return used
    .filter((name) => Number(body.value[name]) > cap)
    .map((name) => setMember(body, name, String(cap)));
}
