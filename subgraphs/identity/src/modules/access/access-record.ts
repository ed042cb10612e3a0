import { z } from 'zod';
import { limitSetSchema, modelLimitSchema } from '@weir/contracts/policy-snapshot';
import { Prisma } from '@weir/prisma/client';
import { levelsOf, type AccessLists } from './access-lists.ts';
import type { Limits } from './limits.ts';

/** The columns that accounts and API keys share. */
export const ACCESS_COLUMNS = {
  allowIps: true,
  allowModels: true,
  resources: true,
  allowLevels: true,
} as const;

export const LIMIT_COLUMNS = { limits: true, modelLimits: true } as const;

type AccessRow = Readonly<Record<keyof typeof ACCESS_COLUMNS, unknown>>;
type LimitRow = Readonly<Record<keyof typeof LIMIT_COLUMNS, unknown>>;

const list = z.array(z.string()).nullable();
const accessSchema = z.object({
  allowIps: list,
  allowModels: list,
  resources: list,
  allowLevels: z.array(z.int().transform(String)).nullable(),
});
const limitsSchema = z.object({ limits: limitSetSchema, modelLimits: z.array(modelLimitSchema) });

export function accessOfRow(row: AccessRow): AccessLists {
  return accessSchema.parse(row);
}

export function limitsOfRow(row: LimitRow): Limits {
  return limitsSchema.parse(row);
}

/** A list of null is the database's null, not JSON's. */
function listColumn(value: readonly (string | number)[] | null) {
  return value === null ? Prisma.DbNull : [...value];
}

export function rowOfAccess({ allowIps, allowModels, resources, allowLevels }: AccessLists) {
  return {
    allowIps: listColumn(allowIps),
    allowModels: listColumn(allowModels),
    resources: listColumn(resources),
    allowLevels: listColumn(levelsOf(allowLevels)),
  };
}

export function rowOfLimits({ limits, modelLimits }: Limits) {
  return {
    limits: { ...limits },
    modelLimits: modelLimits.map(({ pattern, limits: set }) => ({ pattern, limits: { ...set } })),
  };
}
