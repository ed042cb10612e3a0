const GROUPS_OF_NETWORK = 4;
const GROUPS = 8;

/**
 * What one subscriber has: an IPv4 address, or the first 64 bits of an IPv6 address, of which everybody has as many
 * addresses as they like.
 */
export function networkOf(ipAddress: string): string {
  if (!ipAddress.includes(':') || ipAddress.includes('.')) return ipAddress.replace(/^::ffff:/i, '');
  const [head = '', tail] = ipAddress.toLowerCase().split('%', 1)[0]?.split('::') ?? [];
  const before = head.split(':').filter((group) => group !== '');
  const after = tail?.split(':').filter((group) => group !== '') ?? [];
  const zeros = tail === undefined ? 0 : Math.max(0, GROUPS - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  return `${groups
    .slice(0, GROUPS_OF_NETWORK)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
