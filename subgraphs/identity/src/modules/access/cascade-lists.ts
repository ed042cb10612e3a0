import { applyListOperation, type AccessList } from '@weir/kernel/acl';
import { LIST_NAMES, type AccessLists, type ListChange, type ListChanges } from './access-lists.ts';

/**
 * The changes of many nodes' lists as one of these nodes takes them: what is to be removed and is not in its list is not
 * missed there, as somebody who removes an entry from a whole subtree means wherever it is.
 */
export function changesFor(current: AccessLists, changes: ListChanges): ListChanges {
  const entries = LIST_NAMES.map((name) => [name, changeFor(name, current[name], changes[name])] as const);
  return Object.fromEntries(entries);
}

function changeFor(
  name: keyof AccessLists,
  current: AccessList,
  change: ListChange | undefined,
): ListChange | undefined {
  if (change?.kind !== 'apply') return change;
  const text = change.operation.trim();
  if (!text.startsWith('-') || text === '-*') return change;
  const named = text
    .slice(1)
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  // What is no entry at all is a mistake wherever it is applied.
  if (!applyListOperation(name, named, text).ok) return change;
  const present = named.filter((entry) => current?.includes(entry) === true);
  return present.length === 0 ? undefined : { kind: 'apply', operation: `-${present.join(' ')}` };
}
