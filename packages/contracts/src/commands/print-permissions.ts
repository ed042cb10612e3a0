import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { permissionDocument } from '../permission-document.ts';

writeFileSync(join(import.meta.dirname, '../../../../docs/permissions.md'), permissionDocument());
