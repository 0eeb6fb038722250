import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Apps } from '#engine/apps/apps.ts';
import type { ConfigAnswer, VariablesAnswer } from '#api/types/apps.ts';
import { closed, notice, Project, project } from './project-body.ts';

const Body = Type.Object(Project, closed);

/** What the compose files of a project say, without an app being touched. */
export function composeRoutes(app: FastifyInstance, { apps }: { apps: Apps }): void {
  app.post<{ Body: Static<typeof Body> }>(
    '/berth/v1/compose/config',
    { schema: { body: Body } },
    async ({ body }): Promise<ConfigAnswer> => {
      const { app: name, services, yaml, notices } = await apps.view(project(body));
      return { app: name, services, yaml, notices: notices.map(notice) };
    },
  );
  app.post<{ Body: Static<typeof Body> }>(
    '/berth/v1/compose/variables',
    { schema: { body: Body } },
    async ({ body }): Promise<VariablesAnswer> => ({ variables: await apps.variables(project(body)) }),
  );
}
