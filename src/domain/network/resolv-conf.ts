/** What goes into a container's resolv.conf(5). */
export interface ResolverSettings {
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

export function resolvConfText(settings: ResolverSettings): string {
  const lines = settings.servers.map((server) => `nameserver ${server}`);
  // Docker's `--dns-search .` means: none.
  const search = settings.search.filter((domain) => domain !== '.' && domain !== '');
  if (search.length > 0) lines.push(`search ${search.join(' ')}`);
  if (settings.options.length > 0) lines.push(`options ${settings.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
