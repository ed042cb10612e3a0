import { testRedisUrl } from '@weir/testkit/redis';

const redisUrl = testRedisUrl();

/** Where this machine lets a proxy keep its counters. */
export const testStores: readonly { readonly name: string; readonly redisUrl: string | undefined }[] = [
  { name: 'in process', redisUrl: undefined },
  ...(redisUrl === undefined ? [] : [{ name: 'in Redis', redisUrl }]),
];
