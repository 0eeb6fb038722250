/** One host and path that a rule of Traefik catches. */
export interface RuleMatch {
  /** '' for any. */
  host: string;
  path: string;
  exact: boolean;
}

/** What a part of a rule asks for: hosts and paths, one of each. */
interface Term {
  host?: string;
  path?: { path: string; exact: boolean };
}

/**
 * A rule of Traefik's routers made of Host, PathPrefix, Path, &&, || and parentheses, as hosts and paths.
 * @throws RangeError naming what is not understood
 */
export function parseTraefikRule(rule: string): RuleMatch[] {
  const tokens = tokenize(rule);
  const { terms, rest } = anyOf(tokens);
  if (rest.length > 0) throw new RangeError(`'${rest[0] ?? ''}' stands at the wrong place`);
  return terms.map(({ host = '', path }) => ({ host, path: path?.path ?? '/', exact: path?.exact ?? false }));
}

function tokenize(rule: string): string[] {
  const tokens = rule.match(/\|\||&&|[()]|![^&|]*|[A-Za-z]+\([^()]*\)|\S+/g) ?? [];
  if (tokens.length === 0) throw new RangeError('it is empty');
  return tokens;
}

interface Parsed {
  terms: Term[];
  rest: string[];
}

function anyOf(tokens: string[]): Parsed {
  let { terms, rest } = allOf(tokens);
  while (rest[0] === '||') {
    const next = allOf(rest.slice(1));
    terms = [...terms, ...next.terms];
    rest = next.rest;
  }
  return { terms, rest };
}

function allOf(tokens: string[]): Parsed {
  let { terms, rest } = single(tokens);
  while (rest[0] === '&&') {
    const next = single(rest.slice(1));
    terms = terms.flatMap((one) => next.terms.map((other) => both(one, other)));
    rest = next.rest;
  }
  return { terms, rest };
}

function both(one: Term, other: Term): Term {
  if (one.host !== undefined && other.host !== undefined)
    throw new RangeError(`no request has both hosts, '${one.host}' and '${other.host}'`);
  if (one.path !== undefined && other.path !== undefined)
    throw new RangeError(`two paths in one condition, '${one.path.path}' and '${other.path.path}'`);
  return { ...one, ...other };
}

function single([token = '', ...rest]: string[]): Parsed {
  if (token === '(') {
    const inner = anyOf(rest);
    if (inner.rest[0] !== ')') throw new RangeError('a parenthesis is not closed');
    return { terms: inner.terms, rest: inner.rest.slice(1) };
  }
  return { terms: matcher(token), rest };
}

function matcher(token: string): Term[] {
  const [, name = '', list = ''] = /^([A-Za-z]+)\(([^()]*)\)$/.exec(token) ?? [];
  const values = [...list.matchAll(/[`"']([^`"']+)[`"']/g)].map(([, value = '']) => value);
  if (values.length === 0) throw new RangeError(`'${token}' is not understood`);
  if (name === 'Host') return values.map((value) => ({ host: value.toLowerCase() }));
  if (name === 'PathPrefix' || name === 'Path')
    return values.map((value) => ({ path: { path: trimmed(value), exact: name === 'Path' } }));
  throw new RangeError(
    `the matcher ${name === '' ? token : name} is not offered (Host, PathPrefix and Path are)`,
  );
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '') || '/';
}
