import type { IncomingHttpHeaders } from 'node:http';
import { invalid } from '#base/errors.ts';
import type { SessionOffer } from '#engine/contracts.ts';

/** What the headers of `POST /session` say. @throws invalid `session-id-missing` */
export function offerOf(headers: IncomingHttpHeaders): SessionOffer {
  const header = (name: string): string => {
    const value: unknown = headers[`x-docker-expose-session-${name}`];
    return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : '';
  };
  const id = header('uuid');
  if (id === '') throw invalid('session-id-missing', 'the header X-Docker-Expose-Session-Uuid is missing');
  const methods = header('grpc-method').split(',');
  return {
    id,
    sharedKey: header('sharedkey'),
    methods: methods.map((method) => method.trim()).filter((method) => method !== ''),
  };
}
