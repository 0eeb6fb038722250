import { Type, type Static, type TObject } from 'typebox';
import type { Problem } from '#domain/compose/problem.ts';
import type { ProjectRequest } from '#engine/apps/requests.ts';
import type { Notice } from '#api/types/apps.ts';

export const closed = { additionalProperties: false };

/** What bodies that name a project have in common. */
export const Project = {
  folder: Type.String({ pattern: '^/' }),
  files: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
  envFiles: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  environment: Type.Record(Type.String(), Type.String()),
  appName: Type.Optional(Type.String()),
  strict: Type.Optional(Type.Boolean()),
  rebuild: Type.Optional(Type.Boolean()),
};

/** The request that a body of a project makes. */
export function project(body: Static<TObject<typeof Project>>): ProjectRequest {
  const { folder, files, envFiles, environment, appName, strict = false } = body;
  return {
    folder,
    files,
    environment,
    strict,
    ...(envFiles === undefined ? {} : { envFiles }),
    ...(appName === undefined ? {} : { appName }),
  };
}

export function notice({ severity, code, path, message, at }: Problem): Notice {
  return { severity, code, message: path === '' ? message : `${path}: ${message}`, ...at };
}
