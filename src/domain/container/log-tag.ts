import type { Container } from '#domain/container/container.ts';
import { invalid } from '#base/errors.ts';

type Field = (container: Container) => string;

const short = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

/** The fields of Docker's tag templates (moby, daemon/logger/loginfo.go). */
const fields: Readonly<Record<string, Field>> = {
  ID: ({ id }) => short(id),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ imageId }) => short(imageId),
  ImageFullID: ({ imageId }) => imageId,
  ImageName: ({ imageName }) => imageName,
  Command: ({ path, args }) => [path, ...args].join(' '),
  DaemonName: () => 'docker',
};

const placeholder = /\{\{\s*\.(\w*)\s*\}\}/g;

/** What Docker's drivers take without the option `tag`. */
export const standardTag = '{{.ID}}';

/** A tag such as `{{.ImageName}}/{{.Name}}` for one container. */
export function tagText(template: string, container: Container): string {
  return template.replaceAll(placeholder, (_, name: string) => fields[name]?.(container) ?? '');
}

/** @throws invalid `log-option-invalid` for what is more than fields */
export function checkTag(template: string): void {
  const names = [...template.matchAll(placeholder)].map((match) => match[1] ?? '');
  const rest = template.replaceAll(placeholder, '');
  const unknown = names.find((name) => fields[name] === undefined);
  if (unknown === undefined && !rest.includes('{{')) return;
  throw invalid('log-option-invalid', `invalid tag: '${template}' has more than the known fields`, {
    hint: `use ${Object.keys(fields)
      .map((name) => `{{.${name}}}`)
      .join(', ')}`,
  });
}
