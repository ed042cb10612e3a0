import { readFile } from 'node:fs/promises';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const OWN_SCRIPT = new URL('./browser/explorer.js', import.meta.url);

async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  // GraphiQL is megabytes of text, so it is loaded when somebody opens the page.
  const [graphiql, own] = await Promise.all([
    import('@graphql-yoga/render-graphiql/graphiql'),
    readFile(OWN_SCRIPT, 'utf8'),
  ]);
  const script = (body: string): Asset => ({ type: JAVASCRIPT, body });
  return new Map([
    ['graphiql.js', script(graphiql.js)],
    ['graphiql.css', { type: 'text/css; charset=utf-8', body: graphiql.css }],
    ['editor-worker.js', script(graphiql.editorWorkerService)],
    ['json-worker.js', script(graphiql.jsonWorker)],
    ['graphql-worker.js', script(graphiql.graphqlWorker)],
    ['explorer.js', script(own)],
  ]);
}

/** Every file of the explorer, from npm packages and this folder: the page needs no internet. */
export function createExplorerAssets(): () => Promise<ReadonlyMap<string, Asset>> {
  let assets: Promise<ReadonlyMap<string, Asset>> | undefined;
  return () => (assets ??= readAssets());
}
