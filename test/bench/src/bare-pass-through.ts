/** The least a Node proxy can do: Fastify in, undici out, bytes through. The ceiling that the gateway is measured against. */
import Fastify from 'fastify';
import { Pool } from 'undici';
import { argument } from './argument.ts';

const upstream = new URL(argument('upstream'));
const pool = new Pool(upstream.origin, { connections: 256 });
const app = Fastify({ bodyLimit: 65_536 });

app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
app.post('/v1/chat/completions', async (request, reply) => {
  const { statusCode, headers, body } = await pool.request({
    method: 'POST',
    path: `${upstream.pathname}/chat/completions`,
    headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
    body: request.body instanceof Buffer ? request.body : null,
  });
  return reply
    .code(statusCode)
    .header('content-type', headers['content-type'] ?? 'application/json')
    .send(body);
});

await app.listen({ host: '127.0.0.1', port: Number(argument('port')) });
process.send?.({ type: 'ready' });
process.once('disconnect', () => process.exit(0));
