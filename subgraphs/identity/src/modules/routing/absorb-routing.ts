import { patternContains } from '@weir/kernel/pattern';
import type { Routing } from './routing.ts';

type Rules = Pick<Routing, 'modelMapper' | 'levelMapper' | 'switchOver' | 'modelFailover' | 'stickyRouting'>;

/**
 * The node's rules with those of a node above written behind them, as far as its own do not answer first: a request goes
 * by the nearest account that has a rule for it, and goes on as before when that node is gone.
 */
export function absorbRouting(node: Routing, above: Rules): Routing {
  return {
    ...node,
    modelMapper: [...node.modelMapper, ...unanswered(node.modelMapper, above.modelMapper)],
    levelMapper: [...node.levelMapper, ...unanswered(node.levelMapper, above.levelMapper)],
    modelFailover: [...node.modelFailover, ...unanswered(node.modelFailover, above.modelFailover)],
    switchOver: [
      ...node.switchOver,
      ...above.switchOver.filter(({ from }) => !node.switchOver.some((own) => own.from === from)),
    ],
    stickyRouting: node.stickyRouting ?? above.stickyRouting,
  };
}

function unanswered<Rule extends { readonly pattern: string }>(
  own: readonly Rule[],
  above: readonly Rule[],
): readonly Rule[] {
  return above.filter(({ pattern }) => !own.some((rule) => patternContains(rule.pattern, pattern)));
}

export function hasRules({
  modelMapper,
  levelMapper,
  switchOver,
  modelFailover,
  stickyRouting,
}: Rules): boolean {
  return (
    [modelMapper, levelMapper, switchOver, modelFailover].some((rules) => rules.length > 0) ||
    stickyRouting !== null
  );
}
