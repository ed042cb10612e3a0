import { err, ok, type Result } from '@weir/kernel/result';
import {
  isLevel,
  LEVEL_MAPPER,
  LEVEL_MAX,
  MODEL_FAILOVER,
  MODEL_MAPPER,
  SWITCH_OVER,
  type LevelMapping,
  type LevelSwitch,
  type ModelMapping,
  type RuleList,
} from '@weir/kernel/routing-rules';

export interface Routing {
  readonly level: number;
  readonly gear: number;
  readonly modelMapper: readonly ModelMapping[];
  readonly levelMapper: readonly LevelMapping[];
  readonly switchOver: readonly LevelSwitch[];
  readonly modelFailover: readonly ModelMapping[];
  /** Null leaves it to the account above. */
  readonly stickyRouting: boolean | null;
}

/** Stays on Level 1, and has no rules. */
export const BLANK_ROUTING: Routing = {
  level: 1,
  gear: 0,
  modelMapper: [],
  levelMapper: [],
  switchOver: [],
  modelFailover: [],
  stickyRouting: null,
};

export const GEARS = [0, 1, 2] as const;

export type RuleChange<Rule> =
  | { readonly kind: 'rules'; readonly rules: readonly Rule[] }
  | { readonly kind: 'text'; readonly text: string };

/** Undefined leaves a member as it is. */
export interface RoutingChange {
  readonly level?: number | undefined;
  readonly gear?: number | undefined;
  readonly modelMapper?: RuleChange<ModelMapping> | undefined;
  readonly levelMapper?: RuleChange<LevelMapping> | undefined;
  readonly switchOver?: RuleChange<LevelSwitch> | undefined;
  readonly modelFailover?: RuleChange<ModelMapping> | undefined;
  readonly stickyRouting?: boolean | null | undefined;
}

export interface RoutingProblem {
  readonly member: keyof Routing;
  readonly message: string;
}

/** What decides which provider keys serve: the organization's to distribute, not a part's to take. */
export function touchesLevels({ level, gear, levelMapper, switchOver }: RoutingChange): boolean {
  return [level, gear, levelMapper, switchOver].some((member) => member !== undefined);
}

/** The routing after the change, or everything that is wrong with it. */
export function changeRouting(
  current: Routing,
  change: RoutingChange,
): Result<Routing, readonly RoutingProblem[]> {
  const problems: RoutingProblem[] = [];
  const rulesOf = <Rule>(
    member: keyof Routing,
    list: RuleList<Rule>,
    kept: readonly Rule[],
    given: RuleChange<Rule> | undefined,
  ): readonly Rule[] => {
    if (!given) return kept;
    const result = given.kind === 'text' ? list.parse(given.text) : list.check(given.rules);
    if (result.ok) return result.value;
    problems.push({ member, message: result.error });
    return kept;
  };
  const { level = current.level, gear = current.gear, stickyRouting = current.stickyRouting } = change;
  if (!isLevel(level))
    problems.push({ member: 'level', message: `A Level is a whole number from 0 to ${LEVEL_MAX}.` });
  if (!GEARS.some((known) => known === gear))
    problems.push({ member: 'gear', message: 'A Gear is 0, 1 or 2.' });
  const routing = {
    level,
    gear,
    stickyRouting,
    modelMapper: rulesOf('modelMapper', MODEL_MAPPER, current.modelMapper, change.modelMapper),
    levelMapper: rulesOf('levelMapper', LEVEL_MAPPER, current.levelMapper, change.levelMapper),
    switchOver: rulesOf('switchOver', SWITCH_OVER, current.switchOver, change.switchOver),
    modelFailover: rulesOf('modelFailover', MODEL_FAILOVER, current.modelFailover, change.modelFailover),
  };
  return problems.length > 0 ? err(problems) : ok(routing);
}
