import { invalid } from '#base/errors.ts';

/**
 * The end of an API path that names a service.
 * @param hint where its name can be read
 * @throws invalid `service-name-invalid`
 */
export function servicePath(name: string, hint: string): string {
  const [app = '', service = '', ...more] = name.split('/');
  if (app !== '' && service !== '' && more.length === 0)
    return `${encodeURIComponent(app)}/${encodeURIComponent(service)}`;
  throw invalid('service-name-invalid', `'${name}' names no service: required is APP/SERVICE`, { hint });
}
