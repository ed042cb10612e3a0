/** The value of `--name=value` on the command line of this process. */
export function argument(name: string, fallback?: string): string {
  const found =
    process.argv.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
  if (found === undefined) throw new Error(`--${name}=… is missing`);
  return found;
}
