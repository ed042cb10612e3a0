import { tmpdir } from 'node:os';
import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

/** A real browser without a window. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: sparticuz.args,
    env: { ...process.env, HOME: tmpdir() },
    headless: true,
  });
}
