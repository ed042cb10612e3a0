import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { newVirtualKey } from '@weir/kernel/virtual-key';

const secretsSchema = z.object({
  /** 32 bytes in base64: wraps every owner's key. */
  masterKey: z.string(),
  /** Keys that it replaces; what they sealed opens until `npm run vault:rewrap` has run. */
  previousMasterKeys: z.array(z.string()).optional(),
  internalSecret: z.string(),
  demoPassword: z.string(),
  demoApiKey: z.string(),
  providerKey: z.string(),
});

export type EmbeddedSecrets = z.output<typeof secretsSchema>;

/** Read from the file, or made once and kept in it, readable by its owner alone. */
export function loadSecrets(file: string): EmbeddedSecrets {
  if (existsSync(file)) return secretsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const secrets: EmbeddedSecrets = {
    masterKey: randomBytes(32).toString('base64'),
    internalSecret: randomBytes(32).toString('base64url'),
    demoPassword: `weir-${randomBytes(9).toString('base64url')}`,
    demoApiKey: newVirtualKey(),
    providerKey: `sk-demo-${randomBytes(18).toString('base64url')}`,
  };
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return secrets;
}
