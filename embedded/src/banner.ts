import type { DemoAccess } from './demo-file.ts';

/** What `npm start` prints once everything serves; every snippet can be pasted as it is. */
export function banner(access: DemoAccess, details: { demoFile: string; home: string }): string {
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
  Data: ${details.home}   Stop: Ctrl-C
`;
}
