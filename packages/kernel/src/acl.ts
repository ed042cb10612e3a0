import { parseCidr } from './cidr.ts';
import { isResourcePath } from './resource-path.ts';
import { err, ok, type Result } from './result.ts';

/** Access lists. Null restricts nothing; an empty list allows nothing. */
export type AccessList = readonly string[] | null;

interface ListRules {
  /** What one entry must be, in words for whoever wrote a wrong one. */
  readonly expects: string;
  isEntry(entry: string): boolean;
  /** What `-*` leaves; undefined where it is not offered. */
  readonly denied: readonly string[] | undefined;
}

const ENTRIES_MAX = 1_000;
const ENTRY_LENGTH_MAX = 200;

const LISTS = {
  allowIps: {
    expects: 'an IP address or a network such as 10.0.0.0/8',
    isEntry: (entry) => parseCidr(entry) !== undefined,
    denied: ['127.0.0.1'],
  },
  allowModels: {
    expects: 'a model name, * standing for any characters, such as gpt-4o or gpt-*',
    isEntry: (entry) => !entry.startsWith('-') && !/\p{Cc}/u.test(entry),
    denied: [],
  },
  resources: {
    expects: 'a path that starts with / and may end with *, such as /v1/chat/completions or /v1/audio/*',
    isEntry: isResourcePath,
    denied: undefined,
  },
  allowLevels: {
    expects: 'a Level, a whole number such as 2',
    isEntry: (entry) => /^(0|[1-9]\d{0,3})$/.test(entry),
    denied: undefined,
  },
} as const satisfies Record<string, ListRules>;

export type AccessListName = keyof typeof LISTS;

/**
 * Applies one string operation to a list: entries separated by spaces or commas are **added**; a leading `-` turns
 * the whole string into entries to **remove**; `*` alone lifts the restriction; `-*` alone denies (addresses: only
 * 127.0.0.1 remains; models: none). The first addition to an unrestricted list makes it a list of what is allowed.
 * @returns The new list, or a sentence that says what is wrong; then nothing has changed.
 */
export function applyListOperation(
  name: AccessListName,
  current: AccessList,
  operation: string,
): Result<AccessList, string> {
  const rules: ListRules = LISTS[name];
  const text = operation.trim();
  if (text === '*') return ok(null);
  if (text === '-*') {
    return rules.denied
      ? ok(rules.denied)
      : err(`"-*" is not offered for ${name}: remove entries by name, or list what is allowed`);
  }
  const isRemoval = text.startsWith('-');
  const entries = (isRemoval ? text.slice(1) : text).split(/[\s,]+/).filter((entry) => entry !== '');
  if (entries.length === 0) return err(`${name}: the operation names no entry`);
  const wrong = entries.find((entry) => !isValid(rules, entry));
  if (wrong !== undefined) return err(problemOf(rules, wrong));
  return isRemoval ? remove(name, current, entries) : add(name, current, entries);
}

/** Checks a whole list that is to replace the present one. */
export function parseAccessList(name: AccessListName, list: AccessList): Result<AccessList, string> {
  if (list === null) return ok(null);
  const rules: ListRules = LISTS[name];
  const wrong = list.find((entry) => !isValid(rules, entry) || /[\s,]/.test(entry));
  if (wrong !== undefined) return err(problemOf(rules, wrong));
  return add(name, [], list);
}

function add(
  name: AccessListName,
  current: AccessList,
  entries: readonly string[],
): Result<AccessList, string> {
  const list = [...new Set([...(current ?? []), ...entries])];
  return list.length > ENTRIES_MAX ? err(`${name} holds at most ${ENTRIES_MAX} entries`) : ok(list);
}

/**
 * Removing what is not in the list is refused, because the entry may well be allowed by another one (`gpt-*`), and
 * whoever removes it would believe that it no longer is.
 */
function remove(
  name: AccessListName,
  current: AccessList,
  entries: readonly string[],
): Result<AccessList, string> {
  if (current === null) {
    return err(`${name} is unrestricted, so there is nothing to remove: list what is allowed instead`);
  }
  const absent = entries.find((entry) => !current.includes(entry));
  if (absent !== undefined) return err(`"${absent}" is not in ${name}`);
  return ok(current.filter((entry) => !entries.includes(entry)));
}

function isValid(rules: ListRules, entry: string): boolean {
  return entry !== '*' && entry.length > 0 && entry.length <= ENTRY_LENGTH_MAX && rules.isEntry(entry);
}

function problemOf(rules: ListRules, entry: string): string {
  if (entry === '*') return '"*" stands alone: it lifts the restriction';
  return `"${entry.slice(0, 64)}" is not ${rules.expects}`;
}
