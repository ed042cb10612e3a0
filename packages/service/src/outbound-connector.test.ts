import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCidr, type Cidr } from '@weir/kernel/cidr';
import { createOutboundConnector } from './outbound-connector.ts';
import { createOutboundGuard, type ResolveHost } from './outbound-guard.ts';

let inside: Server;
let port: number;
let visits = 0;

beforeAll(async () => {
  inside = createServer((_, res) => {
    visits++;
    res.end('the operator’s own');
  });
  await new Promise<void>((listening) => inside.listen(0, '127.0.0.1', listening));
  port = (inside.address() as AddressInfo).port;
});
afterAll(() => {
  inside.close();
  inside.closeAllConnections();
});

async function get(
  origin: string,
  resolve: ResolveHost,
  privateNetworks: readonly Cidr[] = [],
): Promise<string> {
  const guard = createOutboundGuard({ privateNetworks, resolve });
  const pool = new Pool(origin, { connect: createOutboundConnector(guard, 2_000) });
  try {
    const { body } = await pool.request({ method: 'GET', path: '/' });
    return await body.text();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await pool.destroy();
  }
}

const always =
  (address: string): ResolveHost =>
  (_, answer) => {
    answer(null, [{ address, family: 4 }]);
  };

describe('a connection', () => {
  it('never reaches a private address by a name, an address, or a name that answered otherwise before', async () => {
    let asked = 0;
    const rebinding: ResolveHost = (hostname, answer) => {
      const address = ++asked === 1 ? '93.184.216.34' : '127.0.0.1';
      always(address)(hostname, answer);
    };
    const guard = createOutboundGuard({ privateNetworks: [], resolve: rebinding });
    expect((await guard.check(`https://rebinding.example.com:${port}`)).ok).toBe(true);
    expect(await get(`https://rebinding.example.com:${port}`, rebinding)).toBe('OUTBOUND_ADDRESS_REFUSED');
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', 'name.example.com']) {
      for (const scheme of ['http', 'https']) {
        const origin = new URL(`${scheme}://${host}:${port}`).origin;
        expect(await get(origin, always('127.0.0.1'))).toBe('OUTBOUND_ADDRESS_REFUSED');
      }
    }
    expect(visits).toBe(0);
  });

  it('goes to the very address that was checked: the name is resolved once', async () => {
    let asked = 0;
    const rebinding: ResolveHost = (hostname, answer) => {
      always(++asked === 1 ? '127.0.0.1' : '192.168.255.255')(hostname, answer);
    };
    const loopback = [parseCidr('127.0.0.0/8')].filter((cidr) => cidr !== undefined);
    expect(await get(`http://name.example.com:${port}`, rebinding, loopback)).toBe('the operator’s own');
    expect(asked).toBe(1);
  });
});
