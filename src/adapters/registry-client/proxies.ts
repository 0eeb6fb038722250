/**
 * An environment in which the proxies that are set stand instead of its own, whose names may be in lower case.
 * @param set '' leaves what the environment says
 */
export function withProxies(
  environment: NodeJS.ProcessEnv,
  set: Readonly<Record<'HTTP_PROXY' | 'HTTPS_PROXY' | 'NO_PROXY', string>>,
): NodeJS.ProcessEnv {
  const given = Object.entries(set).filter(([, value]) => value !== '');
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  const rest = Object.entries(environment).filter(([name]) => !names.has(name.toLowerCase()));
  return Object.fromEntries([...rest, ...given]);
}
