/**
 * For `vi.waitFor` and `vi.waitUntil`, which give up after a second if they are not told otherwise: a busy machine
 * takes longer now and then. It bounds how long a test hangs; the guarantee is that the thing happens, not when.
 */
export const PATIENTLY = { timeout: 20_000, interval: 20 };
