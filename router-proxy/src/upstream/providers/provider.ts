import type { ModelMapping } from '@weir/contracts/provider-config';
import type { Operation } from '@weir/contracts/operation';
import { bestMatch } from '@weir/kernel/pattern';

/** How a provider wants to be shown that it is us: the secret as it is, or a token that it was exchanged for. */
export type CredentialForm = 'bearer' | 'api-key' | 'x-api-key' | 'service-account';

/** Top-level members of a body as JSON text; null takes a member out. */
export type BodyMembers = Readonly<Record<string, string | null>>;

export const NO_MEMBERS: BodyMembers = Object.freeze({});

/** One operation for one model, as a kind of provider takes it. */
export interface ProviderCall {
  /** Path and query; begins with a slash. */
  readonly path: string;
  /** What the provider calls the model. */
  readonly model: string;
  readonly credential: CredentialForm;
  /** Headers of the client's that pass. Everything else stays here. */
  readonly forwarded: readonly string[];
  /** Headers that are sent where the client's own did not pass: a flat list of names and values. */
  readonly headers: readonly string[];
  /** What has to change in the body beside the model's name. */
  readonly members: BodyMembers;
}

/**
 * One kind of provider with one key's config. Compiled once per policy, so that a request only puts a path together.
 */
export interface Provider {
  /** A key that cannot serve an operation is not asked for it. */
  serves(operation: Operation, model: string): boolean;
  /** Only for what it serves. */
  call(operation: Operation, model: string, stream: boolean): ProviderCall;
}

/** A model that nothing matches keeps its name. */
export function modelNameAt(mappings: readonly ModelMapping[], model: string): string {
  if (mappings.length === 0) return model;
  return bestMatch(mappings, ({ pattern }) => pattern, model)?.target ?? model;
}

/** The base URL's path without a trailing slash, and without an ending that the kind adds itself. */
export function pathPrefixOf(url: URL, endings: readonly string[] = []): string {
  const path = url.pathname.replace(/\/+$/, '');
  const ending = endings.find((one) => path.endsWith(one));
  return ending === undefined ? path : path.slice(0, -ending.length);
}

/** A name as one segment of a path; undefined where it cannot be one. */
export function pathSegment(name: string): string | undefined {
  if (name === '.' || name === '..' || name === '') return undefined;
  // Names of Claude on Vertex carry their date after an @, which a path may hold as it is.
  return encodeURIComponent(name).replaceAll('%40', '@');
}
