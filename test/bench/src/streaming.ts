import { Client } from 'undici';
import { single } from './load.ts';
import { chatBody, type Target } from './target.ts';

/** Whether the bytes of a stream of 100 chunks equal those of the direct connection, over several requests. */
export async function streamsEqualDirect(
  direct: Target,
  targets: readonly Target[],
  times: number,
): Promise<ReadonlyMap<string, number>> {
  const body = chatBody({ stream: true, chunks: 100 });
  const differing = new Map<string, number>();
  const directClient = new Client(new URL(direct.url).origin);
  for (const target of targets) {
    const client = new Client(new URL(target.url).origin);
    let different = 0;
    for (let time = 0; time < times; time++) {
      const expected = await single(directClient, direct, body);
      const got = await single(client, target, body);
      if (!expected.bytes.equals(got.bytes)) different++;
    }
    differing.set(target.name, different);
    await client.close();
  }
  await directClient.close();
  return differing;
}
