import { join } from 'node:path';
import type { DemoAccess } from './demo-file.ts';

export interface BannerDetails {
  readonly demoFile: string;
  readonly home: string;
  /** Whether mails are kept as files, for want of a mail server. */
  readonly keepsMails: boolean;
}

/** What `npm start` prints once everything serves; every snippet can be pasted as it is. */
export function banner(access: DemoAccess, details: BannerDetails): string {
  return `
  Weir

    Inference   ${access.inferenceUrl}
    GraphQL     ${access.graphqlUrl}   (open it in a browser for an explorer)
    Live        ${access.graphqlWsUrl}

    Sign in     ${access.email}
    Password    ${access.password}
    API key     ${access.apiKey}

  Try it:

    curl ${access.inferenceUrl}/chat/completions \\
      -H 'X-API-Key: ${access.apiKey}' -H 'Content-Type: application/json' \\
      -d '{"model":"demo-small","messages":[{"role":"user","content":"Hello!"}]}'

    import OpenAI from 'openai';
    const client = new OpenAI({ baseURL: '${access.inferenceUrl}', apiKey: '${access.apiKey}' });
    const answer = await client.chat.completions.create({
      model: 'demo-small',
      messages: [{ role: 'user', content: 'Hello!' }],
    });

  The same as JSON: ${details.demoFile}
  Data: ${details.home}${details.keepsMails ? `   Mails: ${join(details.home, 'outbox')}` : ''}   Stop: Ctrl-C
`;
}
