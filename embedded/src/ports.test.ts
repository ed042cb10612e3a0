import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { claimPort } from './ports.ts';
import { StartupError } from './startup-error.ts';

it('gives no free port to two services, although none of them listens yet', async () => {
  const ports: number[] = [];
  // By chance alone, so many of so few would be distinct once in a million runs.
  for (let count = 0; count < 600; count++) ports.push(await claimPort('127.0.0.1', 0, 'ANY_PORT'));
  expect(new Set(ports).size).toBe(ports.length);
});

it('says of a taken port which setting changes it', async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  try {
    await expect(claimPort('127.0.0.1', port, 'SOME_PORT')).rejects.toThrow(StartupError);
    await expect(claimPort('127.0.0.1', port, 'SOME_PORT')).rejects.toThrow(/SOME_PORT/);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
});
