/** One way from outside to a service: `GET /berth/v1/ingress`. */
export interface RouteAnswer {
  app: string;
  service: string;
  /** '' for any. */
  host: string;
  path: string;
  exact: boolean;
  /** Port of the machine. */
  entrypoint: number;
  tls: string;
  protocol: string;
  /** Inside the containers. */
  port: number;
  backend: string;
  /** Replicas that get requests. */
  ready: number;
  certificate?: {
    issuer: string;
    /** RFC 3339. */
    expires: string;
    /** What is offered until the one that is wanted is there. */
    isStandIn: boolean;
    problem?: string;
  };
}
