declare const brand: unique symbol;

/** A nominal type: `Brand<string, 'X'>` is a string that only a parser of X may produce. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
