/** Starts the platform as a newcomer does, sends the printed request, stops it, and fails unless all of it worked. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'weir-smoke-'));
chmodSync(folder, 0o755);
const home = join(folder, 'home');
const anyPort = Object.fromEntries(
  ['PROXY', 'GATEWAY', 'IDENTITY', 'BILLING', 'ANALYTICS'].flatMap((name) => [
    [`${name}_PORT`, '0'],
    [`${name}_ADMIN_PORT`, '0'],
  ]),
);
const startedAt = performance.now();
const platform = spawn('npm', ['start', '--silent'], {
  env: { ...process.env, ...anyPort, WEIR_HOME: home },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise<number | null>((resolve) => platform.once('close', resolve));
let printed = '';
await new Promise<void>((resolve, reject) => {
  platform.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    printed += chunk.toString();
    if (printed.includes('weir is ready')) resolve();
  });
  void ended.then((code) => reject(new Error(`npm start ended with ${code}`)));
});
process.stdout.write(`ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);

const { inferenceUrl, apiKey } = JSON.parse(readFileSync(join(home, 'demo.json'), 'utf8')) as Record<
  string,
  string
>;
const answer = await fetch(`${inferenceUrl}/chat/completions`, {
  method: 'POST',
  headers: { 'x-api-key': apiKey ?? '', 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'demo-small', messages: [{ role: 'user', content: 'Hello!' }] }),
});
process.stdout.write(`the printed request answers ${answer.status}\n`);

const stoppedAt = performance.now();
platform.kill('SIGTERM');
const deadline = setTimeout(() => {
  process.stderr.write('the platform did not stop within 60 s\n');
  process.exit(1);
}, 60_000);
const code = await ended;
clearTimeout(deadline);
process.stdout.write(
  `stopped after ${((performance.now() - stoppedAt) / 1000).toFixed(1)} s with exit code ${code}\n`,
);
rmSync(folder, { recursive: true, force: true });
process.exitCode = answer.status === 200 && code === 0 ? 0 : 1;
