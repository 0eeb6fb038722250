import type { AppModel } from '#domain/app/model.ts';
import type { TlsMode } from '#domain/ingress/model.ts';
import type { BackendLoad } from '#ports/balancer.ts';

/** How an app is reached from outside, as it is in force. */
export interface RouteView {
  app: string;
  service: string;
  /** '' for any. */
  host: string;
  path: string;
  /** The path itself and nothing below it. */
  exact: boolean;
  /** Of this machine. */
  entrypoint: number;
  tls: TlsMode;
  protocol: string;
  /** Inside the containers. */
  port: number;
  backend: string;
  /** Replicas that get requests. */
  ready: number;
  /** Absent where TLS does not end here. */
  certificate?: CertificateView;
}

export interface CertificateView {
  issuer: string;
  /** RFC 3339. */
  expires: string;
  /** What is offered until the one that is wanted is there. */
  isStandIn: boolean;
  /** Why there is none yet, or no newer one. */
  problem?: string;
}

/** Requests from outside to the replicas of services. */
export interface Ingress {
  /**
   * Whether an app could be served so, before anything of it changes. Gives what there is to say about it.
   * @throws conflict `ingress-conflict`, `ingress-port-conflict`, `ingress-port-taken`; invalid `certificate-invalid`
   */
  check(model: AppModel): Promise<string[]>;
  /** Serves an app as its model says. @throws as `check` */
  assign(model: AppModel): Promise<void>;
  /** The app is gone. */
  remove(app: string): Promise<void>;
  /** Sorted by app, service, host and path. */
  list(): RouteView[];
  /** What goes to each service through ingress, by APP/SERVICE. */
  load(): Promise<ReadonlyMap<string, BackendLoad>>;
}
