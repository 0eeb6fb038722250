import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request to the registry, for the daemon's log. Never with credentials or a query. */
export interface AccessLine {
  /** '' for nobody known. */
  user: string;
  address: string;
  method: string;
  path: string;
  status: number;
  /** Bytes of the answer's body that were sent, as far as they were announced. */
  bytes: number;
  ms: number;
}

/** Which requests are told of: none, those that changed something or were refused to somebody, or all. */
export type Told = 'off' | 'changes' | 'all';

export interface AccessLog {
  tell: Told;
  log: (line: AccessLine) => void;
}

/** Tells of a request when it is over. @param userOf is asked then */
export function watch(
  { tell, log }: AccessLog,
  request: IncomingMessage,
  response: ServerResponse,
  userOf: () => string,
): void {
  if (tell === 'off') return;
  const began = performance.now();
  const address = request.socket.remoteAddress ?? '';
  response.once('close', () => {
    const { method = '', url = '/' } = request;
    const [path = ''] = url.split('?');
    const status = response.statusCode;
    const hadCredentials = request.headers.authorization !== undefined;
    if (tell === 'changes' && !isChange(method, path, status) && !isRefusal(status, hadCredentials)) return;
    const bytes = Number(response.getHeader('content-length') ?? 0);
    const ms = Math.round(performance.now() - began);
    log({ user: userOf(), address, method, path: path.slice(0, 1000), status, bytes, ms });
  });
}

function isChange(method: string, path: string, status: number): boolean {
  if (status >= 400) return false;
  return method === 'DELETE' || (method === 'PUT' && path.includes('/manifests/'));
}

/** Whoever asks without credentials is told how to log in, which is no refusal. */
function isRefusal(status: number, hadCredentials: boolean): boolean {
  return status === 403 || status === 429 || (status === 401 && hadCredentials);
}
