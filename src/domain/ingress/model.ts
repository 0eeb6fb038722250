import type { SecretReference } from '#domain/secret/secret.ts';

/** How requests from outside reach a service: what a compose file says, with all defaults in place. */
export interface IngressEntry {
  /** In small letters; `*.example.com` stands for one label more; '' for any host. */
  host: string;
  /** `/` or `/api`, without a slash at its end; a prefix ends at a slash of the request's path. */
  path: string;
  /** The path itself and nothing below it. */
  exact: boolean;
  /** Between two entries for the same requests the higher wins; equal ones contradict each other. */
  priority: number;
  /** Inside the container. */
  port: number;
  tls: TlsMode;
  /** With `tls: own`. */
  certificate?: OwnCertificate;
  /** Plain HTTP is sent on to HTTPS. */
  redirect: boolean;
  /** The host's port; absent: the settings' port for HTTP or HTTPS. */
  entrypoint?: number;
  /** The client is a proxy that speaks the PROXY protocol. */
  acceptProxy: boolean;
  shape: BackendShape;
  /** Where it stands: `compose.yaml:12`. */
  at: string;
}

/** Chain and key in PEM: absolute paths of files, or secrets. */
export type OwnCertificate =
  { cert: string; key: string } | { certificate: IngressSecret; key: IngressSecret };

/** `passthrough`: the service speaks TLS itself. `internal`: signed by this machine's own authority. */
export type TlsMode = 'off' | 'acme' | 'internal' | 'own' | 'passthrough';

export const protocols = ['http', 'h2c', 'grpc', 'tcp'] as const;
/** What is spoken with the service; gRPC is HTTP/2 without TLS. */
export type Protocol = (typeof protocols)[number];

/** What is done with each request for a service. Entries with the same shape share a backend. */
export interface BackendShape {
  protocol: Protocol;
  stripPrefix?: string;
  /** A value replaces; null removes. */
  requestHeaders: Record<string, string | null>;
  responseHeaders: Record<string, string | null>;
  /** Name of the cookie that keeps a client with one replica. */
  sticky?: string;
  /** Of each client address. */
  rateLimit?: { requests: number; seconds: number };
  /** More attempts at a request that did no harm yet. */
  retries: number;
  /** Seconds. */
  timeouts: { connect: number; response: number; idle: number };
  /** Bytes. */
  maxBody?: number;
  compress: boolean;
  /** Who may come in: lines USER:PASSWORD, the password plain or as crypt(3) has it, or a file or a secret of them. */
  users?: { file: string } | { lines: string[] } | IngressSecret;
  sendProxy?: 'v1' | 'v2';
  /** Seconds. */
  hsts?: number;
}

/** One of the app's secrets. */
export interface IngressSecret {
  /** Its key. */
  secret: string;
  /** The version that the app has. */
  stored?: SecretReference;
}

export const standardShape: BackendShape = {
  protocol: 'http',
  requestHeaders: {},
  responseHeaders: {},
  retries: 3,
  timeouts: { connect: 2, response: 60, idle: 3600 },
  compress: false,
};

/** An entry of an app that runs. */
export interface IngressRoute extends IngressEntry {
  app: string;
  service: string;
}

/** What the machine's settings say about ingress. */
export interface IngressSettings {
  /** Addresses of this machine to listen on; empty: all of them. */
  addresses: string[];
  httpPort: number;
  httpsPort: number;
  /** Addresses or networks whose word about the client is taken. */
  trustedProxies: string[];
  /** Requests are written into a file. */
  accessLog: boolean;
  acme: { directory: string; email: string; agree: boolean };
}
