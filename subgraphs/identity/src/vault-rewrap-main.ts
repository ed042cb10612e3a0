import { loadConfig, runMain } from '@weir/service/config';
import { createLogger } from '@weir/service/logger';
import { createPool } from '@weir/service/postgres';
import { rewrapConfigSchema } from './config.ts';
import { rewrapAll } from './vault/rewrap.ts';

/** `npm run vault:rewrap`: exit code 0 means that the former master keys are not needed any more. */
await runMain(async () => {
  const { databaseUrl, masterKey } = loadConfig(rewrapConfigSchema, process.env);
  const log = createLogger({ service: 'vault-rewrap', level: 'warn' });
  const pool = createPool({ url: databaseUrl, applicationName: 'weir-vault-rewrap', max: 1, log });
  try {
    const counts = await rewrapAll(pool, masterKey);
    for (const { name, rewrapped, current, unopened } of counts) {
      process.stdout.write(
        `${name}: ${rewrapped} sealed anew, ${current} already, ${unopened} do not open\n`,
      );
    }
    if (counts.some(({ unopened }) => unopened > 0)) {
      process.stderr.write('Some do not open: add the key that sealed them to WEIR_MASTER_KEY_PREVIOUS.\n');
      process.exitCode = 1;
    }
  } finally {
    await pool.end();
  }
});
