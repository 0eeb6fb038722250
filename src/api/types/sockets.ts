/** A scoped socket, as Berth's own API shows it. */
export interface SocketAnswer {
  path: string;
  allow: string[];
  labels: Record<string, string>;
  /** RFC 3339. */
  created: string;
}

/** `POST /berth/v1/sockets`. */
export interface SocketBody {
  path: string;
  allow: string[];
  labels: Record<string, string>;
}
