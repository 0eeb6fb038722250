/** A policy with the services that it selects: `GET /berth/v1/policies`. */
export interface PolicyAnswer {
  app: string;
  name: string;
  /** FILE:LINE. */
  at: string;
  selected: string[];
  /** It only adds where another policy has closed the direction. */
  addsOnly: boolean;
  ingress?: AllowAnswer[];
  egress?: AllowAnswer[];
}

export interface AllowAnswer {
  at: string;
  /** In words; absent: anyone. */
  peers?: string[];
  /** In words; absent: every port. */
  ports?: string[];
}

/** `POST /berth/v1/policies/test` */
export interface FlowBody {
  /** FROM -> TO:PORT */
  flow: string;
  /** Of services that are named without one. */
  app?: string;
}

export interface FlowAnswer {
  flow: string;
  allowed: boolean;
  reasons: { about: string; allowed: boolean; why: string; at?: string }[];
}

/** A line of `GET /berth/v1/policies/denied`. */
export interface DenialLine {
  /** RFC 3339. */
  time: string;
  direction: string;
  from: string;
  to: string;
  fromAddress: string;
  toAddress: string;
  protocol: string;
  port: number;
  /** Of several alike within some seconds. */
  count: number;
}
