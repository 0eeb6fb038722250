/** A service among those of all apps, for maps and for people. */
export function serviceKey(app: string, service: string): string {
  return `${app}/${service}`;
}
