import { err, ok, type Result } from './result.ts';

/** What a request for models that fit the pattern is answered with. `*` stands for any characters. */
export interface ModelMapping {
  readonly pattern: string;
  readonly target: string;
}

export interface LevelMapping {
  readonly pattern: string;
  readonly level: number;
}

/** Where requests go while a Level has no usable key. Cycles are fine: a request tries each Level once. */
export interface LevelSwitch {
  readonly from: number;
  readonly to: number;
}

export const LEVEL_MAX = 9_999;
const RULES_MAX = 200;
const NAME_LENGTH_MAX = 200;

/** How one kind of rule is written as `left=right`, and what it must fulfil. */
interface RuleSyntax<Rule> {
  /** For sentences, for example `Model Mapper`. */
  readonly title: string;
  readonly example: string;
  read(left: string, right: string): Rule | undefined;
  write(rule: Rule): readonly [left: string, right: string];
  /** A sentence when it is wrong. */
  problemOf(rule: Rule): string | undefined;
}

/** Rules of one kind, as a list and as text: `gpt-4=gpt-4-turbo, o*=gpt-4o`. */
export interface RuleList<Rule> {
  /** @returns The rules, or a sentence that says what is wrong with the first one that is. */
  parse(text: string): Result<readonly Rule[], string>;
  /** As `parse`, for rules that come as a list. */
  check(rules: readonly Rule[]): Result<readonly Rule[], string>;
  /** What `parse` reads back as the same rules. */
  format(rules: readonly Rule[]): string;
}

function ruleList<Rule>(syntax: RuleSyntax<Rule>): RuleList<Rule> {
  const check = (rules: readonly Rule[]): Result<readonly Rule[], string> => {
    if (rules.length > RULES_MAX) return err(`${syntax.title} holds at most ${RULES_MAX} rules.`);
    const seen = new Set<string>();
    for (const rule of rules) {
      const [left] = syntax.write(rule);
      const problem = syntax.problemOf(rule);
      if (problem !== undefined) return err(problem);
      if (seen.has(left)) return err(`${syntax.title} names ${shown(left)} twice: keep one rule for it.`);
      seen.add(left);
    }
    return ok(rules);
  };
  return {
    check,
    parse(text) {
      const rules: Rule[] = [];
      for (const part of text.split(',').map((piece) => piece.trim())) {
        if (part === '') continue;
        const [left = '', right, ...more] = part.split('=').map((side) => side.trim());
        const rule = right === undefined || more.length > 0 ? undefined : syntax.read(left, right);
        if (rule === undefined) {
          return err(
            `${shown(part)} is no rule of ${syntax.title}: write ${syntax.example}, separated by commas.`,
          );
        }
        rules.push(rule);
      }
      return check(rules);
    },
    format: (rules) => rules.map((rule) => syntax.write(rule).join('=')).join(', '),
  };
}

const modelRules = (title: string): RuleList<ModelMapping> =>
  ruleList({
    title,
    example: 'gpt-4=gpt-4-turbo',
    read: (pattern, target) => ({ pattern, target }),
    write: ({ pattern, target }) => [pattern, target],
    problemOf: ({ pattern, target }) => problemOfPattern(pattern) ?? problemOfTarget(target),
  });

export const MODEL_MAPPER = modelRules('Model Mapper');
export const MODEL_FAILOVER = modelRules('model failover');

export const LEVEL_MAPPER: RuleList<LevelMapping> = ruleList({
  title: 'Level Mapper',
  example: 'claude*=2',
  read(pattern, text) {
    const level = readLevel(text);
    return level === undefined ? undefined : { pattern, level };
  },
  write: ({ pattern, level }) => [pattern, String(level)],
  problemOf: ({ pattern, level }) => problemOfPattern(pattern) ?? problemOfLevel(level),
});

export const SWITCH_OVER: RuleList<LevelSwitch> = ruleList({
  title: 'Switch Over',
  example: '1=2',
  read(left, right) {
    const [from, to] = [readLevel(left), readLevel(right)];
    return from === undefined || to === undefined ? undefined : { from, to };
  },
  write: ({ from, to }) => [String(from), String(to)],
  problemOf: ({ from, to }) =>
    problemOfLevel(from) ??
    problemOfLevel(to) ??
    (from === to ? `Level ${from} cannot switch over to itself.` : undefined),
});

export function isLevel(level: number): boolean {
  return Number.isInteger(level) && level >= 0 && level <= LEVEL_MAX;
}

/** A sentence when the text cannot name models, `*` standing for any characters. */
export function problemOfPattern(pattern: string): string | undefined {
  if (isName(pattern)) return undefined;
  return `${shown(pattern)} is no model name or pattern: 1 to ${NAME_LENGTH_MAX} characters without spaces, commas and "=".`;
}

function problemOfTarget(target: string): string | undefined {
  if (target.includes('*')) return `${shown(target)} must be the name of one model, without "*".`;
  return problemOfPattern(target);
}

function problemOfLevel(level: number): string | undefined {
  return isLevel(level) ? undefined : `A Level is a whole number from 0 to ${LEVEL_MAX}, not ${level}.`;
}

function readLevel(text: string): number | undefined {
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

function isName(text: string): boolean {
  return text !== '' && text.length <= NAME_LENGTH_MAX && !/[\s,=\p{Cc}]/u.test(text);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
