import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { readRegistryAuth } from '#api/docker/registry-auth.ts';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import type {
  BaseAnswer,
  BaseImageAnswer,
  OutdatedAnswer,
  RefreshScheduleAnswer,
  RefreshStreamEvent,
  ShownBaseAnswer,
  SigningKeyAnswer,
  VerifyAnswer,
} from '#api/types/bases.ts';
import type { Image } from '#domain/image/image.ts';
import type { Attesting } from '#engine/bases/attesting.ts';
import type { Outdated } from '#engine/bases/outdated.ts';
import type { Refreshing } from '#engine/bases/refreshing.ts';
import type { RefreshSchedule } from '#engine/bases/refresh-schedule.ts';
import type { Shelf, ShownImage } from '#engine/bases/shelf.ts';
import type { SignatureCheck } from '#engine/bases/signature-check.ts';
import type { SigningKey } from '#engine/bases/signing-key.ts';
import { events, type AppRouteParts } from './app-stream.ts';
import { closed } from './project-body.ts';

const ImageQuery = Type.Object({ image: Type.String({ minLength: 1 }) }, closed);
const CheckBody = Type.Object(
  { image: Type.String({ minLength: 1 }), key: Type.String({ minLength: 1, maxLength: 16_384 }) },
  closed,
);
const SbomQuery = Type.Object(
  {
    image: Type.String({ minLength: 1 }),
    format: Type.Optional(Type.Union([Type.Literal('spdx'), Type.Literal('cyclonedx')])),
  },
  closed,
);
const RefreshBody = Type.Object(
  {
    image: Type.Optional(Type.String({ minLength: 1 })),
    dryRun: Type.Optional(Type.Boolean()),
    deploy: Type.Optional(Type.Boolean()),
    secrets: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  closed,
);

export interface BaseRouteParts extends Pick<AppRouteParts, 'callerOf'> {
  shelf: Shelf;
  outdated: Outdated;
  refreshing: Refreshing;
  refreshSchedule: RefreshSchedule;
  attesting: Attesting;
  signatureCheck: SignatureCheck;
  key: SigningKey;
  sweepBases: () => Promise<void>;
  /** The setting `bases`. */
  refreshSettings: { refresh: string; deploy: boolean };
}

/** The catalogue of bases: what is there, what is outdated, signatures and bills of materials. */
export function baseRoutes(app: FastifyInstance, parts: BaseRouteParts): void {
  views(app, parts);
  trust(app, parts);
  refreshes(app, parts);
}

function views(
  app: FastifyInstance,
  { shelf, outdated, refreshSchedule, refreshSettings }: BaseRouteParts,
): void {
  app.get('/berth/v1/bases', (): BaseAnswer[] =>
    shelf.list().map(({ images, packages, ...entry }) => ({
      ...entry,
      packages: [...packages],
      images: images.map(imageAnswer),
    })),
  );
  app.get<{ Querystring: Static<typeof ImageQuery> }>(
    '/berth/v1/bases/show',
    { schema: { querystring: ImageQuery } },
    async ({ query }): Promise<ShownBaseAnswer> => {
      const { entry, images } = await shelf.show(query.image);
      const { name, summary, packages } = entry ?? { name: query.image, summary: '', packages: [] };
      return { name, summary, packages: [...packages], images: images.map(shownAnswer) };
    },
  );
  app.get('/berth/v1/bases/outdated', async (_request, reply): Promise<OutdatedAnswer> => {
    const { images, unknown } = await outdated.report(() => undefined, clientGone(reply));
    return {
      unknown,
      images: images.map(({ image, ...rest }) => ({ id: image.id, ...rest })),
    };
  });
  app.get('/berth/v1/bases/schedule', (): RefreshScheduleAnswer => {
    const { next, last } = refreshSchedule;
    return {
      ...{ setting: refreshSettings.refresh, deploy: refreshSettings.deploy },
      ...(next === undefined ? {} : { next }),
      ...(last === undefined ? {} : { last }),
    };
  });
}

function trust(app: FastifyInstance, { shelf, attesting, signatureCheck, key }: BaseRouteParts): void {
  app.get<{ Querystring: Static<typeof ImageQuery> }>(
    '/berth/v1/bases/verify',
    { schema: { querystring: ImageQuery } },
    async ({ query }): Promise<VerifyAnswer> => ({
      name: query.image,
      ...(await attesting.verify(shelf.image(query.image), query.image)),
    }),
  );
  app.post<{ Body: Static<typeof CheckBody> }>(
    '/berth/v1/bases/verify',
    { schema: { body: CheckBody } },
    async ({ body, headers }, reply): Promise<VerifyAnswer> => {
      const auth = readRegistryAuth(headers['x-registry-auth']);
      const options = { auth, signal: clientGone(reply) };
      const image = shelf.image(body.image);
      return { name: body.image, ...(await signatureCheck.verify(image, body.image, body.key, options)) };
    },
  );
  app.get('/berth/v1/bases/key', async (): Promise<SigningKeyAnswer> => ({
    publicKey: await key.publicKey(),
    fingerprint: await key.fingerprint(),
  }));
  app.get<{ Querystring: Static<typeof SbomQuery> }>(
    '/berth/v1/sbom',
    { schema: { querystring: SbomQuery } },
    ({ query }): Promise<object> => {
      const image = shelf.image(query.image);
      return attesting.bill(image, image.tags[0] ?? query.image, query.format ?? 'spdx');
    },
  );
}

function refreshes(app: FastifyInstance, { refreshing, callerOf, sweepBases }: BaseRouteParts): void {
  app.post<{ Body: Static<typeof RefreshBody> }>(
    '/berth/v1/bases/refresh',
    { schema: { body: RefreshBody } },
    ({ body, raw }, reply) => {
      const signal = clientGone(reply);
      const { image, dryRun = false, deploy = false, secrets = {} } = body;
      const request = {
        dryRun,
        deploy,
        again: true,
        by: callerOf(raw.socket),
        secrets: new Map(Object.entries(secrets).map(([id, text]) => [id, Buffer.from(text, 'base64')])),
        ...(image === undefined ? {} : { image }),
      };
      return sendJsonLines(
        reply,
        events<RefreshStreamEvent>(async (emit) => {
          await refreshing.run(request, emit, signal);
          if (!dryRun) await sweepBases();
        }),
      );
    },
  );
}

function imageAnswer(image: Image): BaseImageAnswer {
  const { Labels = {}, User = '' } = image.config.config ?? {};
  return {
    digest: image.manifestDigest,
    id: image.id,
    tags: image.tags,
    version: Labels?.['org.opencontainers.image.version'] ?? '',
    suite: Labels?.['berth.suite'] ?? '',
    size: image.size,
    user: User,
    stored: image.stored,
  };
}

function shownAnswer({
  image,
  inventory,
  attachments,
  parent,
}: ShownImage): ShownBaseAnswer['images'][number] {
  return {
    ...imageAnswer(image),
    installed: (inventory?.packages ?? []).map(({ name, version }) => ({ name, version })),
    attached: attachments.map(({ manifest }) => {
      const predicate = manifest.annotations?.['predicateType'];
      const { digest, artifactType: type = '' } = manifest;
      return { digest, type, ...(predicate === undefined ? {} : { predicate }) };
    }),
    parent: parent?.tags[0] ?? parent?.id ?? '',
  };
}
