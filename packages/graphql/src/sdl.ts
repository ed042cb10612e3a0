import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, Source, type DocumentNode } from 'graphql';

/** Where the types that every subgraph shares are written: scalars, Money, PageInfo, UserError, TimeRangeInput. */
export const SHARED_SDL_DIRECTORY = fileURLToPath(new URL('../sdl', import.meta.url));

/** Every `*.graphql` file under a directory, in a stable order. */
function schemaFilesIn(directory: string): readonly string[] {
  return globSync('**/*.graphql', { cwd: directory })
    .toSorted()
    .map((file) => join(directory, file));
}

/**
 * A subgraph's schema: the shared types and every `*.graphql` file below the given directories.
 * Root types are written as `extend type Query { … }` in each module, so that no module owns them.
 * @throws GraphQLError naming the file and line of a syntax error.
 */
export function loadTypeDefs(...directories: readonly (string | URL)[]): DocumentNode[] {
  const paths = directories.map((directory) =>
    typeof directory === 'string' ? directory : fileURLToPath(directory),
  );
  return [SHARED_SDL_DIRECTORY, ...paths]
    .flatMap((directory) => schemaFilesIn(directory))
    .map((file) => parse(new Source(readFileSync(file, 'utf8'), file)));
}
