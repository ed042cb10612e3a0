import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { permissionDocument } from '@weir/contracts/permission-document';

it('docs/permissions.md says what the permission matrix says (npm run docs:permissions)', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/permissions.md'), 'utf8');
  expect(document).toBe(permissionDocument());
});
