import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * A library of functions for Redis. Unlike a script, which makes everything it is made of anew with every call, it is made
 * once, and may keep what it has found out. Its name and those of its functions tell its source, so that proxies of two
 * releases do not take each other's; what a former release left is small and stays.
 */
export interface FunctionLibrary<Name extends string> {
  readonly code: string;
  /** What Redis knows the functions by. */
  readonly functions: Readonly<Record<Name, string>>;
}

/**
 * Reads Lua sources of one folder as one library: `lib.lua`, the parts, and each file of `names` as the body of a function
 * of KEYS and ARGV.
 * @param title What it is for, as a part of its name: `weir_<title>_<version>`.
 */
export function readLibrary<Name extends string>(
  title: string,
  folder: URL,
  names: readonly Name[],
  parts: readonly string[] = [],
): FunctionLibrary<Name> {
  const source = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), 'utf8');
  const shared = ['lib', ...parts].map(source);
  const bodies = names.map((name) => `local function ${name}(KEYS, ARGV)\n${source(name)}end`);
  const version = createHash('sha256')
    .update([...shared, ...bodies].join())
    .digest('hex')
    .slice(0, 16);
  const known = names.map((name) => [name, `weir_${title}_${name}_${version}`] as const);
  const registrations = known.map(([name, as]) => `redis.register_function('${as}', ${name})`);
  return {
    code: [`#!lua name=weir_${title}_${version}`, ...shared, ...bodies, ...registrations].join('\n'),
    // Object.fromEntries forgets which names it was given.
    functions: Object.fromEntries(known) as Record<Name, string>,
  };
}
