import { parseArgs } from 'node:util';
import { startDemoProvider } from './demo-provider.ts';

/** `node src/main.ts [--host 127.0.0.1] [--port 0] [--api-key sk-…]`; prints its URL as one line of JSON. */
const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'api-key': { type: 'string', multiple: true },
  },
});

const apiKeys = values['api-key'];
const provider = await startDemoProvider({
  host: values.host,
  port: Number(values.port),
  ...(apiKeys ? { apiKeys } : {}),
});
process.stdout.write(`${JSON.stringify({ url: provider.url })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void provider.stop());
