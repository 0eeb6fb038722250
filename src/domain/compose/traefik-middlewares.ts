import type { BackendShape } from '#domain/ingress/model.ts';
import { parseRate } from '#domain/ingress/rate.ts';
import type { TraefikLabels } from './read-traefik-labels.ts';
import type { Reader } from './reader.ts';

/** Traefik's middlewares as settings of a backend. */
export class MiddlewareReader {
  readonly #labels: TraefikLabels;
  readonly #place: Reader;

  constructor(labels: TraefikLabels, place: Reader) {
    this.#labels = labels;
    this.#place = place;
  }

  /** `list` as a router names them: `strip@docker,auth`. */
  read(list: string | undefined, base: BackendShape): { shape: BackendShape; redirects: boolean } {
    let shape = base;
    let redirects = false;
    for (const one of (list ?? '').split(',').filter((name) => name.trim() !== '')) {
      const [name = ''] = one.trim().toLowerCase().split('@');
      const prefix = `http.middlewares.${name}.`;
      const kinds = this.#labels.below(prefix);
      if (kinds.length === 0)
        this.#place.complain(
          'traefik-middleware-missing',
          `the middleware '${name}' is not defined by these labels`,
        );
      redirects ||= kinds.includes('redirectscheme') && this.#isToHttps(prefix);
      shape = {
        ...shape,
        ...this.#strip(prefix),
        ...this.#auth(prefix),
        ...this.#rate(prefix),
        ...this.#headers(prefix, shape),
      };
    }
    return { shape, redirects };
  }

  #isToHttps(prefix: string): boolean {
    this.#labels.get(`${prefix}redirectscheme.permanent`);
    return this.#labels.get(`${prefix}redirectscheme.scheme`) === 'https';
  }

  #strip(prefix: string): Partial<BackendShape> {
    const stripPrefix = this.#labels.get(`${prefix}stripprefix.prefixes`)?.replace(/\/+$/, '');
    if (stripPrefix === undefined || stripPrefix === '') return {};
    if (stripPrefix.includes(','))
      this.#place.complain(
        'traefik-middleware-invalid',
        `stripprefix '${stripPrefix}': required is one prefix`,
      );
    return { stripPrefix };
  }

  #auth(prefix: string): Partial<BackendShape> {
    const users = this.#labels.get(`${prefix}basicauth.users`);
    if (users === undefined) return {};
    const lines = users.split(',').map((one) => one.trim());
    if (lines.some((one) => one.includes(':$apr1$')))
      this.#place.complain(
        'traefik-middleware-invalid',
        "basicauth.users: passwords in Apache's own form ($apr1$) cannot be checked",
        'make them with `openssl passwd -6` or `mkpasswd`',
      );
    return { users: { lines } };
  }

  #rate(prefix: string): Partial<BackendShape> {
    const average = this.#labels.get(`${prefix}ratelimit.average`);
    if (average === undefined) return {};
    const period = this.#labels.get(`${prefix}ratelimit.period`) ?? '1s';
    const rateLimit = parseRate(`${average}/${period}`);
    if (rateLimit !== undefined) return { rateLimit };
    this.#place.complain('traefik-middleware-invalid', `ratelimit: '${average}' in '${period}' is no rate`);
    return {};
  }

  #headers(prefix: string, { requestHeaders, responseHeaders }: BackendShape): Partial<BackendShape> {
    const read = (kind: string): Record<string, string | null> => {
      const path = `${prefix}headers.${kind}.`;
      return Object.fromEntries(
        this.#labels.below(path).map((name) => [name, this.#labels.get(`${path}${name}`) || null]),
      );
    };
    const hsts = this.#labels.whole(`${prefix}headers.stsseconds`, this.#place);
    return {
      requestHeaders: { ...requestHeaders, ...read('customrequestheaders') },
      responseHeaders: { ...responseHeaders, ...read('customresponseheaders') },
      ...(hsts === undefined ? {} : { hsts }),
    };
  }
}
