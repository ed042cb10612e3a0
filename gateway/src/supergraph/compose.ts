import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { composeSubgraphs, type SubgraphSource } from './composition.ts';
import { loadTypeDefs } from '@weir/graphql/sdl';

/** `npm run compose` writes the supergraph; with `--check` it only says whether the committed one is current. */
const SUPERGRAPH_FILE = fileURLToPath(new URL('../../supergraph.graphql', import.meta.url));
const SUBGRAPHS = ['identity', 'billing', 'analytics'] as const;

function sourceOf(name: (typeof SUBGRAPHS)[number]): SubgraphSource {
  const modules = new URL(`../../../subgraphs/${name}/src/modules`, import.meta.url);
  return { name, typeDefs: loadTypeDefs(modules) };
}

function committed(): string | undefined {
  try {
    return readFileSync(SUPERGRAPH_FILE, 'utf8');
  } catch {
    return undefined;
  }
}

function fail(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = 1;
}

function main(): void {
  const result = composeSubgraphs(SUBGRAPHS.map(sourceOf));
  if (!result.ok)
    return fail(`The subgraphs do not compose:\n${result.error.map((line) => `  ${line}`).join('\n')}`);
  if (!process.argv.includes('--check')) return writeFileSync(SUPERGRAPH_FILE, result.value);
  if (committed() !== result.value) {
    fail(
      'gateway/supergraph.graphql is not what the subgraphs compose to: run `npm run compose` and commit it.',
    );
  }
}

main();
