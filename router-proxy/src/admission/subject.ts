export type SubjectScope = 'organization' | 'account' | 'apiKey';

/** Whose counter a subject (`acc:<uuid>` or `acc:<uuid>|<model>`) names. */
export function scopeOf(subject: string): SubjectScope {
  if (subject.startsWith('org:')) return 'organization';
  return subject.startsWith('acc:') ? 'account' : 'apiKey';
}

/** The effective model that the subject's counter is for; null where it counts all. */
export function modelOf(subject: string): string | null {
  const bar = subject.indexOf('|');
  return bar === -1 ? null : subject.slice(bar + 1);
}
