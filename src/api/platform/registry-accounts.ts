import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { NewRegistryTokenAnswer, RegistryTokenAnswer, RegistryUserAnswer } from '#api/types/registry.ts';
import { checkRight } from '#domain/registry/rights.ts';
import type { Registry } from '#engine/registry/registry.ts';
import { closed } from './project-body.ts';

const Right = Type.Object({ repositories: Type.String(), actions: Type.Array(Type.String()) }, closed);
const UserBody = Type.Object(
  { name: Type.String(), password: Type.String(), rights: Type.Array(Right) },
  closed,
);
const Named = Type.Object({ name: Type.String() });
const PasswordBody = Type.Object({ password: Type.String() }, closed);
const TokenBody = Type.Object(
  {
    user: Type.String(),
    name: Type.String({ maxLength: 100 }),
    days: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 3660 })),
    rights: Type.Optional(Type.Array(Right)),
  },
  closed,
);
const TokenPath = Type.Object({ id: Type.String() });

/** Users, their rights, and tokens. Passwords go in and never come out; a token is told once. */
export function registryAccountRoutes(app: FastifyInstance, registry: Registry): void {
  userRoutes(app, registry);
  tokenRoutes(app, registry);
}

function userRoutes(app: FastifyInstance, registry: Registry): void {
  const { accounts } = registry;
  app.get('/berth/v1/registry/users', (): RegistryUserAnswer[] => accounts.users());
  app.post<{ Body: Static<typeof UserBody> }>(
    '/berth/v1/registry/users',
    { schema: { body: UserBody } },
    async ({ body }, reply) => {
      const made: RegistryUserAnswer = await accounts.add(
        body.name,
        body.password,
        body.rights.map(checkRight),
      );
      return reply.code(201).send(made);
    },
  );
  app.put<{ Params: Static<typeof Named>; Body: Static<typeof PasswordBody> }>(
    '/berth/v1/registry/users/:name/password',
    { schema: { params: Named, body: PasswordBody } },
    async ({ params, body }, reply) => {
      await accounts.setPassword(params.name, body.password);
      return reply.code(204).send();
    },
  );
  app.put<{ Params: Static<typeof Named>; Body: Static<typeof Right> }>(
    '/berth/v1/registry/users/:name/rights',
    { schema: { params: Named, body: Right } },
    ({ params, body }): RegistryUserAnswer => accounts.grant(params.name, body.repositories, body.actions),
  );
  app.delete<{ Params: Static<typeof Named> }>(
    '/berth/v1/registry/users/:name',
    { schema: { params: Named } },
    ({ params }, reply) => {
      registry.removeUser(params.name);
      return reply.code(204).send();
    },
  );
}

function tokenRoutes(app: FastifyInstance, { accounts }: Registry): void {
  app.get('/berth/v1/registry/tokens', (): RegistryTokenAnswer[] => accounts.tokens());
  app.post<{ Body: Static<typeof TokenBody> }>(
    '/berth/v1/registry/tokens',
    { schema: { body: TokenBody } },
    ({ body }, reply) => {
      const { user, name, days, rights } = body;
      const made: NewRegistryTokenAnswer = accounts.createToken(user, name, {
        ...(days !== undefined && { days }),
        ...(rights !== undefined && { rights: rights.map(checkRight) }),
      });
      return reply.code(201).send(made);
    },
  );
  app.delete<{ Params: Static<typeof TokenPath> }>(
    '/berth/v1/registry/tokens/:id',
    { schema: { params: TokenPath } },
    ({ params }, reply) => {
      accounts.removeToken(params.id);
      return reply.code(204).send();
    },
  );
}
