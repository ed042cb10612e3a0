import { AppError } from '@weir/kernel/errors';
import type { JsonObject } from '../body/json-object.ts';
import type { Unbounded } from './endpoint.ts';

/** Reading the members of a request body; every refusal is INVALID_REQUEST and names the member. */
export type Members = Readonly<Record<string, unknown>>;

export function readModel({ model }: Members): string {
  if (model === undefined || model === null) {
    throw invalid('model', '"model" is missing: name one that GET /v1/models lists.');
  }
  if (typeof model !== 'string' || model === '' || model.length > 256) {
    throw invalid('model', '"model" must be a text of at most 256 characters.');
  }
  return model;
}

export function readFlag(members: Members, name: string): boolean {
  const value = members[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw invalid(name, `"${name}" must be true or false.`);
  return value;
}

/** Null where the member is absent or null. */
export function positiveInteger(
  members: Members,
  name: string,
  max = Number.MAX_SAFE_INTEGER,
): number | null {
  const value = members[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` of at most ${max}`;
    throw invalid(name, `"${name}" must be a positive whole number${upTo}.`);
  }
  return value;
}

/** Null where the member is absent or null. */
export function readText(members: Members, name: string): string | null {
  const value = members[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw invalid(name, `"${name}" must be a text.`);
  return value;
}

export function requireText(members: Members, name: string): string {
  const text = readText(members, name);
  if (text === null || text === '') throw invalid(name, `"${name}" must be a text that is not empty.`);
  return text;
}

/** A member that is not known to be harmless might make a request dearer than its bytes and its cap say; null is. */
export function unlistedMember({ value }: JsonObject, listed: ReadonlySet<string>): Unbounded | null {
  for (const name in value) {
    if (!listed.has(name) && value[name] !== null)
      return { param: name, reason: `the member "${name.slice(0, 64)}"`, of: 'anything' };
  }
  return null;
}

/** The tiers that cost what the price says, or less. */
export function dearTier({ service_tier: tier }: Members): Unbounded | null {
  if (typeof tier !== 'string' || tier === 'auto' || tier === 'default' || tier === 'flex') return null;
  return { param: 'service_tier', reason: `the service tier "${tier.slice(0, 64)}"`, of: 'anything' };
}

/** How many bytes a member's value takes; what a provider prints again with indentation is counted twice. */
export function memberBytes(body: JsonObject, names: readonly string[]): number {
  let bytes = 0;
  for (const name of names) {
    const member = body.member(name);
    if (member) bytes += member.valueEnd - member.valueStart;
  }
  return bytes;
}

export function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function invalid(param: string, detail: string): AppError {
  return new AppError('INVALID_REQUEST', detail, { param });
}
