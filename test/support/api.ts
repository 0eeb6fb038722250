import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

export interface ApiAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The parsed body; undefined when it is no JSON. Tests narrow it by assertions. */
  json: unknown;
}

/** One request over a unix socket. A body that is no Buffer is sent as JSON. */
export async function callApi(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer> {
  const response = await openApi(socketPath, method, path, body);
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(response, 'end');
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) };
}

/** As `callApi`, but gives the answer as soon as its headers are there, to read it as a stream. */
export async function openApi(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<IncomingMessage> {
  const isRaw = Buffer.isBuffer(body);
  const headers =
    body === undefined ? {} : { 'content-type': isRaw ? 'application/x-tar' : 'application/json' };
  const outgoing = request({ socketPath, method, path, headers, agent: false });
  outgoing.end(body === undefined || isRaw ? body : JSON.stringify(body));
  return new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject));
}

function parsed(text: string): unknown {
  const parse: (text: string) => unknown = JSON.parse;
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
