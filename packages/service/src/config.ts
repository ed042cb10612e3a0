import type { z } from 'zod';

export interface ConfigProblem {
  readonly variable: string;
  /** Completes a sentence that starts with the variable, for example `is not set: …` or `must be …`. */
  readonly problem: string;
}

/** The environment does not fit; the message lists every problem at once and never a value. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, problem }) => `  ${variable} ${problem}`);
    super(['The configuration is not usable:', ...lines].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads an environment through a schema over its variables. A blank variable counts as unset.
 * @throws ConfigError with every problem that the schema finds.
 */
export function loadConfig<Schema extends z.ZodType>(
  schema: Schema,
  env: NodeJS.ProcessEnv,
): z.output<Schema> {
  const set = Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== '');
  const parsed = schema.safeParse(Object.fromEntries(set));
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) => ({
      variable: issue.path.length > 0 ? issue.path.join('.') : 'environment:',
      problem: issue.message,
    })),
  );
}

/** EX_CONFIG of sysexits: a supervisor need not restart what cannot start. */
const EXIT_CONFIG = 78;

export interface MainProcess {
  exit(code: number): void;
  stderr: { write(text: string): unknown };
}

/**
 * Runs a process's composition root. What keeps it from starting is told in plain words on standard error: exit code
 * 78 for the configuration, 1 for everything else.
 */
export async function runMain(main: () => Promise<void>, host: MainProcess = process): Promise<void> {
  try {
    await main();
  } catch (thrown) {
    host.stderr.write(`${startFailure(thrown)}\n`);
    host.exit(thrown instanceof ConfigError ? EXIT_CONFIG : 1);
  }
}

function startFailure(thrown: unknown): string {
  if (thrown instanceof ConfigError) return thrown.message;
  if (!(thrown instanceof Error)) return `Cannot start: ${String(thrown)}`;
  if ('code' in thrown && thrown.code === 'EADDRINUSE' && 'port' in thrown) {
    return `Cannot start: port ${String(thrown.port)} is taken. Stop the process that uses it or configure another port.`;
  }
  return `Cannot start: ${thrown.stack ?? thrown.message}`;
}
