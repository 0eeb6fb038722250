import { Readable } from 'node:stream';
import { limitedBytes } from '#base/bytes.ts';
import type { VaultProvider } from '#domain/secret/provider.ts';

/**
 * A field of a secret by the HTTP API of KV version 2 (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2):
 * GET /v1/MOUNT/data/NAME, the fields are in data.data. The answer's text never becomes part of an error.
 */
export async function readVault(provider: Omit<VaultProvider, 'token'>, token: string): Promise<Uint8Array> {
  try {
    return await read(provider, token);
  } catch (error) {
    throw new Error(reasonOf(error, provider.timeout), { cause: error });
  }
}

/** Bytes that an answer may have: a value, and what stands around it. */
const largest = 2 * 1024 * 1024;

async function read(
  { url, path, field, timeout }: Omit<VaultProvider, 'token'>,
  token: string,
): Promise<Uint8Array> {
  const [mount = '', ...name] = path.split('/').map(encodeURIComponent);
  const response = await fetch(`${url}/v1/${mount}/data/${name.join('/')}`, {
    headers: { 'X-Vault-Token': token },
    redirect: 'error',
    signal: AbortSignal.timeout(timeout * 1000),
  });
  const source: AsyncIterable<Uint8Array> = response.body ?? Readable.from([]);
  const text = await limitedBytes(
    source,
    largest,
    () => new Error(`its answer has more than ${largest} bytes`),
  );
  if (response.status === 403) throw new Error('the token is not allowed to read it (403)');
  if (response.status === 404) throw new Error('there is no such secret (404)');
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const value = fieldOf(Buffer.from(text).toString(), field);
  if (value === undefined) throw new Error(`it has no field '${field}' that is a text`);
  return Buffer.from(value);
}

function fieldOf(text: string, field: string): string | undefined {
  const data = member(member(parsed(text), 'data'), 'data');
  const value = member(data, field);
  return typeof value === 'string' ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

/** `fetch` hides why behind the words "fetch failed". */
function reasonOf(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeout} s`;
  return error.cause instanceof Error ? error.cause.message : error.message;
}
