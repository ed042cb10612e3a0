import { expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createActorSockets } from './actor-sockets.ts';

it('an actor may have so many sockets, and each closed one makes room, once', () => {
  const sockets = createActorSockets(2);
  const person = { actor: { type: 'user', userId: newUuid(), sessionId: newUuid() } } as const;
  const otherSession = { actor: { ...person.actor, sessionId: newUuid() } } as const;
  const machine = { actor: { type: 'apiKey', apiKeyId: newUuid(), accountId: newUuid() } } as const;
  const release = sockets.claim(person);
  sockets.claim(otherSession);
  expect(() => sockets.claim(person)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
  sockets.claim(machine);
  release();
  release();
  sockets.claim(person);
  expect(() => sockets.claim(person)).toThrow(/At most 2/);
});
