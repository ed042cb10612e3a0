import { AppError } from '@weir/kernel/errors';
import type {
  AccessListInput,
  AccessListsInput,
  LevelListInput,
  LimitSetInput,
  ModelLimitInput,
} from '../../generated/resolvers-types.ts';
import type { ListChange, ListChanges } from './access-lists.ts';
import type { AccessChange } from './access-change.ts';
import type { LimitChanges, LimitsChange } from './limits.ts';

interface LimitsInput {
  readonly limits?: LimitSetInput | null | undefined;
  readonly modelLimits?: readonly ModelLimitInput[] | null | undefined;
}

interface AccessInput extends LimitsInput {
  readonly access?: AccessListsInput | null | undefined;
}

/**
 * The members of an input that change what a node allows.
 * @throws AppError BAD_USER_INPUT when a list is both set and operated on, or neither.
 */
export function accessChangeOf(input: AccessInput): AccessChange {
  const lists = input.access;
  return { ...limitsChangeOf(input), access: lists ? listChangesOf(lists) : undefined };
}

export function limitsChangeOf({ limits, modelLimits }: LimitsInput): LimitsChange {
  return {
    limits: limits && limitChangesOf(limits),
    modelLimits:
      modelLimits?.map((entry) => ({
        pattern: entry.pattern.trim(),
        limits: limitChangesOf(entry.limits),
      })) ?? (modelLimits === null ? null : undefined),
  };
}

function listChangesOf({ allowIps, allowModels, resources, allowLevels }: AccessListsInput): ListChanges {
  return {
    allowIps: listChangeOf(allowIps, 'allowIps'),
    allowModels: listChangeOf(allowModels, 'allowModels'),
    resources: listChangeOf(resources, 'resources'),
    allowLevels: listChangeOf(allowLevels, 'allowLevels'),
  };
}

function listChangeOf(
  input: AccessListInput | LevelListInput | null | undefined,
  name: string,
): ListChange | undefined {
  if (input === undefined) return undefined;
  if (input === null) return { kind: 'set', list: null };
  const { set, apply } = input;
  if ((set === undefined) === (apply == null)) {
    throw new AppError('BAD_USER_INPUT', `Give either set or apply for ${name}.`, {
      param: `access.${name}`,
    });
  }
  if (apply != null) return { kind: 'apply', operation: apply };
  return { kind: 'set', list: set?.map((entry) => String(entry).trim()) ?? null };
}

/** Tokens come as bigint; a number too large to be one is refused as a limit later. */
export function limitChangesOf(input: LimitSetInput): LimitChanges {
  const number = (value: bigint | null | undefined) => (value == null ? value : Number(value));
  return {
    requestsPerMinute: input.requestsPerMinute,
    requestsPerHour: input.requestsPerHour,
    requestsPerDay: input.requestsPerDay,
    tokensPerMinute: number(input.tokensPerMinute),
    tokensPerHour: number(input.tokensPerHour),
    tokensPerDay: number(input.tokensPerDay),
    concurrency: input.concurrency,
  };
}
