import { Command } from 'ioredis';
import type { RedisClient } from './connection.ts';

export type Argument = string | number | Buffer;

/** How texts of a reply are given: as they are in Redis, or as strings. */
export type ReplyEncoding = 'utf8' | null;

/**
 * Sends a script or function by itself: what goes together is one call already, and the client's pipelines, which gather
 * commands until the end of a turn, would make it wait for another one.
 */
export function sendLua(
  client: RedisClient,
  command: 'evalsha' | 'eval' | 'fcall',
  what: string,
  replyEncoding: ReplyEncoding,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  const sent = new Command(command, [what, keys.length, ...keys, ...args], { replyEncoding });
  client.sendCommand(sent);
  return sent.promise;
}
