import {
  LEVEL_MAPPER,
  MODEL_FAILOVER,
  MODEL_MAPPER,
  SWITCH_OVER,
  type RuleList,
} from '@weir/kernel/routing-rules';
import type { Resolvers, RoutingResolvers } from '../../generated/resolvers-types.ts';

/** Rules as the schema shows them: as a list and as text. */
function shown<Rule>(list: RuleList<Rule>, rules: readonly Rule[]) {
  return { rules, text: list.format(rules) };
}

const Routing: Pick<RoutingResolvers, 'modelMapper' | 'levelMapper' | 'switchOver' | 'modelFailover'> = {
  modelMapper: ({ modelMapper }) => shown(MODEL_MAPPER, modelMapper),
  levelMapper: ({ levelMapper }) => shown(LEVEL_MAPPER, levelMapper),
  switchOver: ({ switchOver }) => shown(SWITCH_OVER, switchOver),
  modelFailover: ({ modelFailover }) => shown(MODEL_FAILOVER, modelFailover),
};

export const routingResolvers = { Routing } satisfies Resolvers;
