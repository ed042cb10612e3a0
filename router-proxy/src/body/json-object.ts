import { isUtf8 } from 'node:buffer';
import { AppError } from '@weir/kernel/errors';
import type { Edit } from './json-edit.ts';
import { keyOf, memberNamed, objectMembers, type Member } from './json-members.ts';

/** A request body: its bytes, what they mean, and where each top-level member lies. */
export class JsonObject {
  readonly bytes: Buffer;
  readonly value: Readonly<Record<string, unknown>>;
  readonly #members: readonly Member[];

  constructor(bytes: Buffer, value: Readonly<Record<string, unknown>>, members: readonly Member[]) {
    this.bytes = bytes;
    this.value = value;
    this.#members = members;
  }

  member(name: string): Member | undefined {
    return memberNamed(this.bytes, this.#members, name);
  }
}

/**
 * @throws AppError INVALID_REQUEST unless the body is one JSON object without repeated members. Of a member that is
 * given twice we would check the one and the provider might obey the other.
 */
export function parseJsonObject(bytes: Buffer): JsonObject {
  const value = parseJson(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('INVALID_REQUEST', 'The request body must be a JSON object, such as {"model": …}.');
  }
  const members = objectMembers(bytes) ?? [];
  // Of members of one name the parser keeps one.
  if (members.length !== Object.keys(value).length) throw repeated(repeatedKey(bytes, members));
  return new JsonObject(bytes, value as Readonly<Record<string, unknown>>, members);
}

function repeatedKey(bytes: Buffer, members: readonly Member[]): string {
  const seen = new Set<string>();
  for (const member of members) {
    const key = keyOf(bytes, member) ?? '';
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return '';
}

function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) {
    throw new AppError('INVALID_REQUEST', 'The request has no body: send a JSON object.');
  }
  // Readers differ in what they make of other bytes, and with it in which members they see.
  if (!isUtf8(bytes)) throw new AppError('INVALID_REQUEST', 'The request body is not valid UTF-8.');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AppError('INVALID_REQUEST', `The request body is not valid JSON${whereIn(cause)}.`, { cause });
  }
}

/** Engines quote the text around the fault in their message, so only the position is taken from it. */
function whereIn(cause: unknown): string {
  const position = cause instanceof Error ? /at position (\d+)/.exec(cause.message)?.[1] : undefined;
  return position === undefined ? '' : ` (the fault is at character ${position})`;
}

function repeated(key: string): AppError {
  return new AppError('INVALID_REQUEST', `The member "${key.slice(0, 64)}" appears more than once.`, {
    param: key.slice(0, 64),
  });
}

/** Sets a member of the object, whether it is there or not. */
export function setMember(object: JsonObject, key: string, json: string): Edit {
  const member = object.member(key);
  if (member) return { start: member.valueStart, end: member.valueEnd, text: json };
  const open = object.bytes.indexOf(0x7b) + 1;
  const isEmpty = Object.keys(object.value).length === 0;
  return { start: open, end: open, text: `${JSON.stringify(key)}:${json}${isEmpty ? '' : ','}` };
}

/** Removes a member together with the comma that belonged to it. */
export function removeMember(object: JsonObject, member: Member): Edit {
  const after = commaAfter(object.bytes, member.valueEnd);
  if (after !== undefined) return { start: member.keyStart, end: after + 1, text: '' };
  const before = object.bytes.lastIndexOf(0x2c, member.keyStart);
  const start = isOnlySpace(object.bytes, before + 1, member.keyStart) ? before : member.keyStart;
  return { start: Math.max(start, 0), end: member.valueEnd, text: '' };
}

function commaAfter(bytes: Buffer, from: number): number | undefined {
  const comma = bytes.indexOf(0x2c, from);
  return comma !== -1 && isOnlySpace(bytes, from, comma) ? comma : undefined;
}

function isOnlySpace(bytes: Buffer, start: number, end: number): boolean {
  return start > 0 && /^[ \t\r\n]*$/.test(bytes.toString('latin1', start, end));
}
