import { AUDIT_ACTIONS, type AuditActorType, type AuditResult } from '@weir/contracts/audit';
import { AppError } from '@weir/kernel/errors';
import { decodeId, ID_PREFIXES, type IdKind, type Uuid } from '@weir/kernel/ids';

/** Which events somebody asks for; undefined does not restrict. */
export interface AuditConditions {
  readonly actions?: readonly string[] | undefined;
  readonly actorType?: AuditActorType | undefined;
  readonly actorId?: Uuid | undefined;
  readonly targetType?: string | undefined;
  readonly targetId?: Uuid | undefined;
  readonly result?: AuditResult | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** The beginnings of words in the names of actor and target, in lower case; all of them must be there. */
  readonly words?: readonly string[] | undefined;
}

/** As the schema takes it. */
export interface AuditFilterInput {
  readonly actions?: readonly string[] | null | undefined;
  readonly actorType?: AuditActorType | undefined;
  readonly actorId?: string | null | undefined;
  readonly targetType?: string | null | undefined;
  readonly targetId?: string | null | undefined;
  readonly result?: AuditResult | null | undefined;
  readonly range?: { readonly start: Date; readonly end: Date } | null | undefined;
  readonly search?: string | null | undefined;
}

const WORDS_MAX = 8;
const SEARCH_MAX = 200;

function bad(param: string, message: string): AppError {
  return new AppError('BAD_USER_INPUT', message, { param });
}

/** `apikey.*` stands for every action on API keys. */
function actionsOf(given: readonly string[]): readonly string[] {
  return given.flatMap((name) => {
    const known = name.endsWith('.*')
      ? AUDIT_ACTIONS.filter((action) => action.startsWith(name.slice(0, -1)))
      : AUDIT_ACTIONS.filter((action) => action === name);
    if (known.length === 0)
      throw bad('actions', `"${name}" is no action. Examples: apikey.revoke, member.*.`);
    return known;
  });
}

/** An id of any kind. */
function idOf(text: string, param: string): Uuid {
  for (const kind of Object.keys(ID_PREFIXES) as IdKind[]) {
    const id = decodeId(kind, text);
    if (id !== undefined) return id;
  }
  throw bad(param, `${param} must be an id of the platform, for example usr_….`);
}

function wordsOf(search: string): readonly string[] | undefined {
  if (search.length > SEARCH_MAX) throw bad('search', `search may have ${SEARCH_MAX} characters.`);
  const words = search.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.length === 0 ? undefined : words.slice(0, WORDS_MAX);
}

/** @throws AppError BAD_USER_INPUT for what cannot be meant. */
export function conditionsOf(input: AuditFilterInput | null | undefined): AuditConditions {
  if (!input) return {};
  const { actions, actorId, targetId, range, search } = input;
  if (range && range.end.getTime() <= range.start.getTime()) {
    throw bad('range', 'range.end must be later than range.start.');
  }
  return {
    actions: actions ? actionsOf(actions) : undefined,
    actorType: input.actorType,
    actorId: actorId == null ? undefined : idOf(actorId, 'actorId'),
    targetType: input.targetType ?? undefined,
    targetId: targetId == null ? undefined : idOf(targetId, 'targetId'),
    result: input.result ?? undefined,
    since: range?.start,
    until: range?.end,
    words: search == null ? undefined : wordsOf(search),
  };
}
