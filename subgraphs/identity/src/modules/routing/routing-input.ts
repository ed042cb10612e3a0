import { AppError } from '@weir/kernel/errors';
import type { RoutingInput } from '../../generated/resolvers-types.ts';
import type { RoutingChange, RuleChange } from './routing.ts';

/**
 * A change of routing, or undefined when the input has none.
 * @throws AppError BAD_USER_INPUT when rules are given both as a list and as text, or as neither.
 */
export function routingChangeOf(input: RoutingInput | null | undefined): RoutingChange | undefined {
  if (input == null) return undefined;
  return {
    // Neither can be cleared, so null is the same as absent.
    level: input.level ?? undefined,
    gear: input.gear ?? undefined,
    modelMapper: ruleChangeOf(input.modelMapper, 'modelMapper'),
    levelMapper: ruleChangeOf(input.levelMapper, 'levelMapper'),
    switchOver: ruleChangeOf(input.switchOver, 'switchOver'),
    modelFailover: ruleChangeOf(input.modelFailover, 'modelFailover'),
    stickyRouting: input.stickyRouting,
  };
}

interface RulesInput<Rule> {
  readonly rules?: readonly Rule[] | null | undefined;
  readonly text?: string | null | undefined;
}

function ruleChangeOf<Rule>(
  input: RulesInput<Rule> | null | undefined,
  name: string,
): RuleChange<Rule> | undefined {
  if (input === undefined) return undefined;
  if (input === null) return { kind: 'rules', rules: [] };
  const { rules, text } = input;
  if (rules != null && text == null) return { kind: 'rules', rules };
  if (text != null && rules == null) return { kind: 'text', text };
  throw new AppError('BAD_USER_INPUT', `Give either rules or text for ${name}.`, {
    param: `routing.${name}`,
  });
}
