import { isSystemRole, type SystemRole } from '@weir/contracts/permission-matrix';
import { AppError } from '@weir/kernel/errors';
import { decodeId, encodeId, ID_PREFIXES, type Uuid } from '@weir/kernel/ids';
import type { Role } from './role.ts';

/** What a role is referred to by, before it is known whether it is there. */
export type RoleReference =
  { readonly kind: 'SYSTEM'; readonly name: SystemRole } | { readonly kind: 'CUSTOM'; readonly id: Uuid };

const PREFIX = `${ID_PREFIXES.role}_`;

/** `rol_owner` for a system role, `rol_…` with 26 characters for a custom one. */
export function roleIdOf(role: RoleReference | Role): string {
  return role.kind === 'SYSTEM' ? PREFIX + role.name.toLowerCase() : encodeId('role', role.id);
}

/**
 * @param argument Name of the input member, for the message.
 * @throws AppError BAD_USER_INPUT for what cannot be the id of a role.
 */
export function roleArgument(text: string, argument: string): RoleReference {
  const name = text.startsWith(PREFIX) ? text.slice(PREFIX.length).toUpperCase() : '';
  if (isSystemRole(name) && text === text.toLowerCase()) return { kind: 'SYSTEM', name };
  const id = decodeId('role', text);
  if (id !== undefined) return { kind: 'CUSTOM', id };
  throw new AppError(
    'BAD_USER_INPUT',
    `${argument} must be the id of a role, for example "${PREFIX}admin".`,
    {
      param: argument,
    },
  );
}
