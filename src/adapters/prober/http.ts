import { once } from 'node:events';
import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { answerOf } from '#adapters/files/answer.ts';
import type { NetworkProbe } from '#domain/container/probe.ts';
import type { Found } from './network-prober.ts';

type HttpProbe = Extract<NetworkProbe, { kind: 'http' }>;

/** Of the body, for the person who reads why a probe failed. */
const keptBody = 1024;

/**
 * Succeeds for a status from 200 to 399, without following redirects (kubernetes, pkg/probe/http).
 * @throws what the request failed with
 */
export async function httpLook(host: string, probe: HttpProbe, signal: AbortSignal): Found {
  const options = {
    host,
    port: probe.port,
    path: probe.path,
    signal,
    agent: false,
    headers: { 'user-agent': 'berth-probe', ...Object.fromEntries(probe.headers) },
  };
  const request =
    probe.scheme === 'https' ? tlsRequest({ ...options, rejectUnauthorized: false }) : plainRequest(options);
  return answerOf(request, async (response) => {
    const { statusCode = 0, statusMessage = '' } = response;
    const success = statusCode >= 200 && statusCode < 400;
    const body = success ? '' : `: ${await beginning(response)}`;
    return { success, output: `${statusCode} ${statusMessage}${body}`.trimEnd() };
  });
}

async function beginning(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk) => {
    if (text.length < keptBody) text += String(chunk);
    if (text.length >= keptBody) response.destroy();
  });
  await once(response, 'close');
  return text.slice(0, keptBody).trim();
}
