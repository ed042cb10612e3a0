import { renameSync, writeFileSync } from 'node:fs';

/** What a newcomer, or a program in their place, needs to use the demo organization. */
export interface DemoAccess {
  readonly graphqlUrl: string;
  readonly graphqlWsUrl: string;
  /** Ends in `/v1`: the base URL of an OpenAI client. */
  readonly inferenceUrl: string;
  readonly portalUrl: string;
  readonly organizationId: string;
  readonly email: string;
  readonly password: string;
  readonly apiKey: string;
  /** Every proxy, where there are several. */
  readonly inferenceUrls: readonly string[];
}

/** Replaced in one step, so that a reader never sees half of it; readable by its owner alone. */
export function writeDemoFile(file: string, access: DemoAccess): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(access, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
