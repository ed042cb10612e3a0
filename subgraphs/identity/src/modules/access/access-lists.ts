import { applyListOperation, parseAccessList, type AccessList, type AccessListName } from '@weir/kernel/acl';
import { firstBeyond } from '@weir/kernel/acl-containment';
import { intersectLists } from '@weir/kernel/acl-intersection';
import { err, ok, type Result } from '@weir/kernel/result';

/** What one node allows. Levels are kept as text here, as every other list; see `levelsOf`. */
export type AccessLists = Readonly<Record<AccessListName, AccessList>>;

export const LIST_NAMES = ['allowIps', 'allowModels', 'resources', 'allowLevels'] as const;

export const UNRESTRICTED: AccessLists = {
  allowIps: null,
  allowModels: null,
  resources: null,
  allowLevels: null,
};

/** One list as a whole, or one string operation on it. */
export type ListChange =
  | { readonly kind: 'set'; readonly list: AccessList }
  | { readonly kind: 'apply'; readonly operation: string };

export type ListChanges = { readonly [Name in AccessListName]?: ListChange | undefined };

/** A list that binds from above. */
export interface BindingLists {
  /** For sentences, for example `the account "Team"`. */
  readonly title: string;
  readonly access: AccessLists;
}

export interface ListProblem {
  readonly code: 'INVALID_LIST' | 'BEYOND_PARENT';
  readonly list: AccessListName;
  readonly message: string;
}

/** The lists after the changes, or everything that is wrong with them. */
export function changeLists(
  current: AccessLists,
  changes: ListChanges,
  above: readonly BindingLists[],
): Result<AccessLists, readonly ListProblem[]> {
  const changed = { ...current };
  const problems: ListProblem[] = [];
  for (const list of LIST_NAMES) {
    const change = changes[list];
    if (!change) continue;
    const result = changeList(list, current[list], change);
    if (!result.ok) {
      problems.push({ code: 'INVALID_LIST', list, message: sentence(result.error) });
      continue;
    }
    changed[list] = result.value;
    const message = problemOfReach(list, judgedEntries(current[list], change, result.value), above);
    if (message !== undefined) problems.push({ code: 'BEYOND_PARENT', list, message });
  }
  return problems.length > 0 ? err(problems) : ok(changed);
}

/** What is left to whoever all of these bind. */
export function effectiveLists(chain: readonly AccessLists[]): AccessLists {
  const common = { ...UNRESTRICTED };
  for (const lists of chain) {
    for (const name of LIST_NAMES) common[name] = intersectLists(name, common[name], lists[name]);
  }
  return common;
}

function changeList(
  name: AccessListName,
  current: AccessList,
  change: ListChange,
): Result<AccessList, string> {
  return change.kind === 'set'
    ? parseAccessList(name, change.list)
    : applyListOperation(name, current, change.operation);
}

/**
 * What has to lie within the lists above. Of an operation it is what it adds: a list that was overtaken when an account
 * above it narrowed can be put right entry by entry. `-*` takes away, whatever it leaves.
 */
function judgedEntries(current: AccessList, change: ListChange, result: AccessList): readonly string[] {
  if (result === null) return [];
  if (change.kind === 'set') return result;
  if (change.operation.trim() === '-*') return [];
  return result.filter((entry) => current?.includes(entry) !== true);
}

function problemOfReach(
  name: AccessListName,
  entries: readonly string[],
  above: readonly BindingLists[],
): string | undefined {
  for (const { title, access } of above) {
    const beyond = firstBeyond(name, entries, access[name]);
    if (beyond !== undefined) {
      return `"${beyond}" allows more than ${name} of ${title}, and would never take effect there.`;
    }
  }
  return undefined;
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

/** As numbers, which is how Levels are stored and shown. */
export function levelsOf(list: AccessList): readonly number[] | null {
  return list && list.map(Number);
}
