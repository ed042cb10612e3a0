import { z } from 'zod';
import { limitSetSchema, modelLimitSchema } from '@weir/contracts/policy-snapshot';
import { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import type { AccessSettings } from '../access/access-change.ts';
import { levelsOf } from '../access/access-lists.ts';
import type { Routing } from '../routing/routing.ts';
import { dnaRangeBelow, type Account } from './account.ts';

/** The accounts that a change is for: everything below an account, and that account itself if wanted. */
export interface Subtree {
  readonly top: Account;
  readonly includesTop: boolean;
}

/** Which settings a change looks at before it writes them anew. */
export interface Touched {
  readonly allowIps: boolean;
  readonly allowModels: boolean;
  readonly allowLevels: boolean;
  readonly resources: boolean;
  readonly limits: boolean;
  readonly modelLimits: boolean;
}

/** Settings that some accounts of a subtree have in common; what is not touched is blank here. */
export interface Variant {
  readonly key: string;
  readonly settings: AccessSettings;
  readonly count: number;
}

export interface RewrittenVariant {
  readonly key: string;
  readonly settings: AccessSettings;
}

/** What becomes the same everywhere; undefined leaves it. */
export interface SameEverywhere {
  readonly routing: Partial<Routing>;
  readonly tier: number | undefined;
  readonly ratesPpm: bigint | undefined;
}

const list = z.array(z.string()).nullable();
const settingsSchema = z
  .tuple([
    list,
    list,
    z.array(z.int().transform(String)).nullable(),
    list,
    limitSetSchema.nullable(),
    z.array(modelLimitSchema).nullable(),
  ])
  .transform(([allowIps, allowModels, allowLevels, resources, limits, modelLimits]) => ({
    access: { allowIps, allowModels, allowLevels, resources },
    limits: limits ?? {},
    modelLimits: modelLimits ?? [],
  }));

function whereIn({ top, includesTop }: Subtree): Prisma.Sql {
  const { from, before } = dnaRangeBelow(top);
  const below = Prisma.sql`(a.dna >= ${from} and a.dna < ${before})`;
  return Prisma.sql`a.organization_id = ${top.organizationId}::uuid and a.status <> 'DELETED'
    and ${includesTop ? Prisma.sql`(a.id = ${top.id}::uuid or ${below})` : below}`;
}

/** The touched settings of a row as one value, by which rows that have the same are told from others. */
function settingsOf(touched: Touched): Prisma.Sql {
  const columns = [
    touched.allowIps && 'allow_ips',
    touched.allowModels && 'allow_models',
    touched.allowLevels && 'allow_levels',
    touched.resources && 'resources',
    touched.limits && 'limits',
    touched.modelLimits && 'model_limits',
  ].map((column) => (column === false ? Prisma.sql`null::jsonb` : Prisma.raw(`a.${column}`)));
  return Prisma.sql`jsonb_build_array(${Prisma.join(columns)})`;
}

const keyOf = (touched: Touched): Prisma.Sql => Prisma.sql`md5(${settingsOf(touched)}::text)`;

/** Column by column the value after the change, of a row `a` with its variant `m`. */
function assignments(touched: Touched, same: SameEverywhere): readonly (readonly [string, Prisma.Sql])[] {
  const { stickyRouting, level, gear, ...rules } = same.routing;
  const json = (value: unknown) => Prisma.sql`${JSON.stringify(value)}::jsonb`;
  const ruleColumns = Object.entries(RULE_COLUMNS).flatMap(([member, column]) => {
    const value = rules[member as keyof typeof RULE_COLUMNS];
    return value === undefined ? [] : [[column, json(value)] as const];
  });
  const pairs: (readonly [string, Prisma.Sql | undefined])[] = [
    ['allow_ips', touched.allowIps ? Prisma.sql`m.allow_ips` : undefined],
    ['allow_models', touched.allowModels ? Prisma.sql`m.allow_models` : undefined],
    ['allow_levels', touched.allowLevels ? Prisma.sql`m.allow_levels` : undefined],
    ['resources', touched.resources ? Prisma.sql`m.resources` : undefined],
    ['limits', touched.limits ? Prisma.sql`m.limits` : undefined],
    ['model_limits', touched.modelLimits ? Prisma.sql`m.model_limits` : undefined],
    ...ruleColumns,
    ['level', level === undefined ? undefined : Prisma.sql`${level}::int`],
    ['gear', gear === undefined ? undefined : Prisma.sql`${gear}::int`],
    ['sticky_routing', stickyRouting === undefined ? undefined : Prisma.sql`${stickyRouting}::boolean`],
    ['tier', same.tier === undefined ? undefined : Prisma.sql`${same.tier}::int`],
    ['rates_ppm', same.ratesPpm === undefined ? undefined : Prisma.sql`${same.ratesPpm}::bigint`],
  ];
  return pairs.flatMap(([column, value]) => (value === undefined ? [] : [[column, value] as const]));
}

const RULE_COLUMNS = {
  modelMapper: 'model_mapper',
  levelMapper: 'level_mapper',
  switchOver: 'switch_over',
  modelFailover: 'model_failover',
} as const;

function recordsOf(rewritten: readonly RewrittenVariant[]): string {
  return JSON.stringify(
    rewritten.map(({ key, settings: { access, limits, modelLimits } }) => ({
      key,
      allow_ips: access.allowIps,
      allow_models: access.allowModels,
      allow_levels: levelsOf(access.allowLevels),
      resources: access.resources,
      limits,
      model_limits: modelLimits,
    })),
  );
}

/** One change of many accounts at once, in one statement. */
export function createSubtreeStore(db: Db) {
  return {
    async count(subtree: Subtree): Promise<number> {
      const [row] = await db.$queryRaw<{ count: number }[]>`
        select count(*)::int as count from identity.accounts a where ${whereIn(subtree)}`;
      return row?.count ?? 0;
    },

    async variants(subtree: Subtree, touched: Touched): Promise<readonly Variant[]> {
      const rows = await db.$queryRaw<{ key: string; settings: unknown; count: number }[]>`
        select md5(v.settings::text) as key, v.settings, v.count from (
          select ${settingsOf(touched)} as settings, count(*)::int as count from identity.accounts a
          where ${whereIn(subtree)} group by 1
        ) as v`;
      return rows.map(({ key, settings, count }) => ({
        key,
        count,
        settings: settingsSchema.parse(settings),
      }));
    },

    /**
     * Writes what differs, and answers how many accounts that were.
     * @param isDryRun Only counts them.
     */
    async rewrite(
      subtree: Subtree,
      touched: Touched,
      rewritten: readonly RewrittenVariant[],
      same: SameEverywhere,
      isDryRun: boolean,
    ): Promise<number> {
      const pairs = assignments(touched, same);
      if (pairs.length === 0) return 0;
      const variants = Prisma.sql`jsonb_to_recordset(${recordsOf(rewritten)}::jsonb) as m (
        key text, allow_ips jsonb, allow_models jsonb, allow_levels jsonb, resources jsonb, limits jsonb,
        model_limits jsonb
      )`;
      const differs = pairs.map(
        ([column, value]) => Prisma.sql`${Prisma.raw(`a.${column}`)} is distinct from ${value}`,
      );
      const where = Prisma.sql`${whereIn(subtree)} and ${keyOf(touched)} = m.key and (${Prisma.join(differs, ' or ')})`;
      if (isDryRun) {
        const [row] = await db.$queryRaw<{ count: number }[]>`
          select count(*)::int as count from identity.accounts a cross join ${variants} where ${where}`;
        return row?.count ?? 0;
      }
      const sets = pairs.map(([column, value]) => Prisma.sql`${Prisma.raw(column)} = ${value}`);
      return db.$executeRaw`
        update identity.accounts a set ${Prisma.join(sets)}, version = a.version + 1, updated_at = now()
        from ${variants} where ${where}`;
    },
  };
}
