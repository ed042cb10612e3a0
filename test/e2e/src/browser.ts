import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

/** A real browser without a window. It is unpacked into a folder of its own, which goes with it. */
export async function startBrowser(): Promise<TestBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-browser-'));
  const executablePath = await unpackedIn(folder);
  const fonts = join(folder, 'fonts');
  writeFileSync(join(fonts, 'fonts.conf'), fontsConfig(fonts));
  const browser = await chromium.launch({
    executablePath,
    args: sparticuz.args,
    env: { ...process.env, HOME: folder, TMPDIR: folder, FONTCONFIG_PATH: fonts },
    headless: true,
  });
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The package unpacks into the folder for temporary files, and takes what it finds there for complete. */
async function unpackedIn(folder: string): Promise<string> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    return await sparticuz.executablePath();
  } finally {
    if (before === undefined) Reflect.deleteProperty(process.env, 'TMPDIR');
    else process.env['TMPDIR'] = before;
  }
}

/** The package's own names one folder for all, and a browser that finds no font ends itself. */
function fontsConfig(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}</dir>
  <cachedir>${folder}/cache</cachedir>
</fontconfig>
`;
}
