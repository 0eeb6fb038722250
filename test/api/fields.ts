import { Type, type TProperties, type TSchema } from 'typebox';

// The shapes of the answers of the Docker Engine API, closed: a field too many fails as one that is missing does.

export const text = Type.String();
export const flag = Type.Boolean();
export const count = Type.Integer();
export const texts = Type.Array(text);
export const map = Type.Record(text, text);
export const anything = Type.Unknown();

export function closed(fields: TProperties, optional: TProperties = {}): TSchema {
  const some = Object.fromEntries(
    Object.entries(optional).map(([name, schema]) => [name, Type.Optional(schema)]),
  );
  return Type.Object({ ...fields, ...some }, { additionalProperties: false });
}

export function orNull(schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()]);
}

export const list = (schema: TSchema): TSchema => Type.Array(schema);
export const time = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
});
export const id = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const digest = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

export const descriptor = closed(
  { mediaType: text, digest, size: count },
  { platform: closed({ architecture: text, os: text }, { variant: text }) },
);

export const containerConfig = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: orNull(texts),
  Cmd: orNull(texts),
  Image: text,
  Volumes: orNull(anything),
  WorkingDir: text,
  Entrypoint: orNull(texts),
  OnBuild: orNull(texts),
  Labels: orNull(map),
};
