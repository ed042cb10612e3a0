import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { permissionDocument } from '@weir/contracts/permission-document';

writeFileSync(join(import.meta.dirname, '../../../../docs/permissions.md'), permissionDocument());
