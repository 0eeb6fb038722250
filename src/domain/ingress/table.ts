import type { BackendShape } from './model.ts';

/** All that a balancer is to do, but for who answers: it is told that for each backend on its own. */
export interface IngressTable {
  listeners: Listener[];
  /** By name. */
  backends: Backend[];
}

/** One port of the host. */
export interface Listener {
  port: number;
  mode: 'http' | 'tcp';
  /** Connections are TLS, ended here but for the hosts of `passthrough`. */
  tls: boolean;
  acceptProxy: boolean;
  /** In mode tcp without TLS there is one, for any host. */
  rules: Rule[];
  /** Hosts whose connections are handed on as they are, TLS and all. */
  passthrough: { host: string; backend: string }[];
  /** Hosts whose certificates are offered here. */
  hosts: string[];
}

export interface Rule {
  host: string;
  path: string;
  exact: boolean;
  target: { backend: string } | { redirect: number };
}

export interface Backend {
  name: string;
  app: string;
  service: string;
  /** Inside the container. */
  port: number;
  shape: BackendShape;
  /** In mode http it speaks the language of requests, in mode tcp it hands on bytes. */
  mode: 'http' | 'tcp';
}

/** One replica. */
export interface BackendServer {
  /** The container's id: a name that is never used again. */
  id: string;
  address: string;
  port: number;
  /** Only clients that are bound to it come to it still. */
  draining?: boolean;
}

/** A certificate chain and its key in PEM for one host. */
export interface HostCertificate {
  host: string;
  pem: string;
}
