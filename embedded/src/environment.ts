import type { LauncherConfig } from './config.ts';
import type { EmbeddedSecrets } from './secrets.ts';
import type { ServicePorts } from './service-ports.ts';

export interface EnvironmentOptions {
  readonly config: LauncherConfig;
  /** What services were told beside it; what the launcher says goes before. */
  readonly settings: Readonly<Record<string, string>>;
  readonly ports: ServicePorts;
  readonly secrets: EmbeddedSecrets;
  readonly home: string;
  readonly databaseUrl: string;
  readonly redisUrl?: string;
}

/** Where the demo provider is, and what people run beside the platform on one machine. */
const LOOPBACK = ['127.0.0.0/8', '::1'];

/** What every process of the platform is told; each reads the part that its own configuration names. */
export function serviceEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { config, settings, ports, secrets, home, databaseUrl, redisUrl } = options;
  const at = (port: number) => `http://${reachable(config.HOST)}:${port}`;
  return {
    // A person who presses Ctrl-C does not wait for long streams.
    PROXY_GRACE: '5s',
    ...settings,
    WEIR_HOME: home,
    HOST: config.HOST,
    ADMIN_HOST: config.ADMIN_HOST,
    LOG_LEVEL: config.LOG_LEVEL,
    DATABASE_URL: databaseUrl,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    WEIR_PRIVATE_PROVIDERS: [...LOOPBACK, config.WEIR_PRIVATE_PROVIDERS ?? ''].join(' ').trim(),
    WEIR_MASTER_KEY: secrets.masterKey,
    WEIR_MASTER_KEY_PREVIOUS: (secrets.previousMasterKeys ?? []).join(','),
    WEIR_INTERNAL_SECRET: secrets.internalSecret,
    PUBLIC_URL: config.PUBLIC_URL ?? `http://${named(config.HOST)}:${ports.GATEWAY_PORT}`,
    SMTP_URL: config.SMTP_URL ?? '',
    MAIL_FROM: config.MAIL_FROM ?? '',
    IDENTITY_URL: at(ports.IDENTITY_PORT),
    BILLING_URL: at(ports.BILLING_PORT),
    ANALYTICS_URL: at(ports.ANALYTICS_PORT),
    ...Object.fromEntries(Object.entries(ports).map(([setting, port]) => [setting, String(port)])),
  };
}

/** Browsers make passkeys for names only, and this machine has one. */
function named(host: string): string {
  const address = reachable(host);
  return address === '127.0.0.1' || address === '::1' ? 'localhost' : address;
}

/** An address that listens everywhere is not one to connect to. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
