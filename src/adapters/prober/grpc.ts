import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { isIPv6 } from 'node:net';
import type { NetworkProbe } from '#domain/container/probe.ts';
import type { Found } from './network-prober.ts';

type GrpcProbe = Extract<NetworkProbe, { kind: 'grpc' }>;

/** A health check's answer has 7 bytes; what a container sends is not trusted. */
const mostBody = 1024;

/** grpc.health.v1.HealthCheckResponse.ServingStatus */
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Succeeds when the server says SERVING (grpc/doc/health-checking.md). @throws what the connection failed with */
export async function grpcLook(host: string, probe: GrpcProbe, signal: AbortSignal): Found {
  const session = connect(`http://${isIPv6(host) ? `[${host}]` : host}:${probe.port}`);
  const failed = Promise.withResolvers<never>();
  const abort = (): void => failed.reject(signal.reason);
  session.on('error', failed.reject);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    const { body, headers } = await Promise.race([check(session, probe.service), failed.promise]);
    return verdict(body, headers);
  } finally {
    signal.removeEventListener('abort', abort);
    session.destroy();
  }
}

interface Answer {
  body: Buffer;
  /** With the trailers, where gRPC says how a call ended. */
  headers: IncomingHttpHeaders;
}

async function check(session: ClientHttp2Session, service: string): Promise<Answer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const answer: Answer = { body: Buffer.alloc(0), headers: {} };
  const note = (headers: IncomingHttpHeaders): void => void Object.assign(answer.headers, headers);
  stream.on('response', note).on('trailers', note);
  stream.end(framed(service));
  const chunks: AsyncIterable<Uint8Array> = stream;
  for await (const chunk of chunks) {
    answer.body = Buffer.concat([answer.body, chunk]);
    if (answer.body.length > mostBody) throw new Error('the answer is longer than that of a health check');
  }
  return answer;
}

/** One gRPC message: not compressed, its length, and HealthCheckRequest { string service = 1 }. */
function framed(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function verdict(body: Buffer, headers: IncomingHttpHeaders): { success: boolean; output: string } {
  const code = String(headers['grpc-status'] ?? '');
  const status = Number(headers[':status'] ?? 0);
  if (status !== 200) return { success: false, output: `HTTP status ${status}` };
  if (code !== '0')
    return {
      success: false,
      output: `gRPC status ${code}: ${String(headers['grpc-message'] ?? '')}`.trimEnd(),
    };
  // HealthCheckResponse { ServingStatus status = 1 }; a status of 0 is left out.
  const serving = body[5] === 0x08 ? (body[6] ?? 0) : 0;
  return { success: serving === 1, output: statuses[serving] ?? `status ${serving}` };
}
