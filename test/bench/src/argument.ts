/** The value of `--name=value` on the command line of this process. */
export function argument(name: string, fallback?: string): string {
  const found =
    process.argv.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
  if (found === undefined) throw new Error(`--${name}=… is missing`);
  return found;
}

/** The first word on the command line that is no option, which has to be one of the modes. */
export function modeOf<Mode extends string>(modes: Readonly<Record<Mode, unknown>>, fallback: Mode): Mode {
  const given = process.argv.slice(2).find((text) => !text.startsWith('--')) ?? fallback;
  const isMode = (text: string): text is Mode => Object.hasOwn(modes, text);
  if (!isMode(given)) throw new Error(`${given} is not one of ${Object.keys(modes).join(', ')}`);
  return given;
}
