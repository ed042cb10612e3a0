/** A browser as far as links, redirects and cookies go; one per person and device. */
export interface CookieBrowser {
  /** Follows one link without following what it redirects to. */
  visit(url: string): Promise<{ readonly status: number; readonly location: string; readonly body: string }>;
  /** Follows redirects until one leads to an address that begins so, which is not visited. */
  follow(url: string, until: string): Promise<string>;
  /** Asks from a page of the same origin, with the session's cookies. */
  graphql<T>(url: string, query: string, variables?: object): Promise<T>;
  cookie(name: string): string | undefined;
  setCookie(name: string, value: string): void;
}

const REDIRECTS_MAX = 15;

export function createCookieBrowser(): CookieBrowser {
  /** By origin, then by name: ports are told apart, as their services are. */
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (url: string): Map<string, string> => {
    const { origin } = new URL(url);
    const jar = jars.get(origin) ?? new Map<string, string>();
    jars.set(origin, jar);
    return jar;
  };
  const all = (): Map<string, string>[] => [...jars.values()];

  async function send(url: string, init: RequestInit): Promise<Response> {
    const jar = jarOf(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...(init.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) };
    const response = await fetch(url, {
      ...init,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(60_000),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      const isOver = /max-age=0|expires=thu, 01 jan 1970/i.test(line);
      if (isOver) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  async function visit(url: string) {
    const response = await send(url, {});
    const location = response.headers.get('location');
    return {
      status: response.status,
      location: location === null ? '' : new URL(location, url).href,
      body: await response.text(),
    };
  }

  return {
    visit,
    async follow(url, until) {
      let next = url;
      for (let hops = 0; hops < REDIRECTS_MAX; hops++) {
        const { location, status, body } = await visit(next);
        if (location === '') throw new Error(`${next} answered ${status}: ${body.slice(0, 500)}`);
        if (location.startsWith(until)) return location;
        next = location;
      }
      throw new Error('too many redirects');
    },
    async graphql<T>(url: string, query: string, variables: object = {}) {
      const headers = {
        'content-type': 'application/json',
        origin: new URL(url).origin,
        'sec-fetch-site': 'same-origin',
      };
      const response = await send(url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = (await response.json()) as { data?: T; errors?: object };
      if (errors || !data) throw new Error(JSON.stringify(errors));
      return data;
    },
    cookie: (name) =>
      all()
        .find((jar) => jar.has(name))
        ?.get(name),
    setCookie(name, value) {
      for (const jar of all()) if (jar.has(name)) jar.set(name, value);
    },
  };
}
