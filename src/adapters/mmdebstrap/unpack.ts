import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { unavailable } from '#base/errors.ts';
import { mergedUsr } from '#domain/base/layout.ts';
import { standInStatus } from '#domain/base/package-set.ts';
import type { BootstrapPlan, BootstrapRequest } from '#ports/bootstrapper.ts';
import type { Apt } from './apt.ts';
import { run } from './children.ts';

/** Where in a scratch folder the tree is. */
export const rootIn = (scratch: string): string => join(scratch, 'root');

/**
 * Lets mmdebstrap unpack exactly the planned packages into the scratch folder's tree. apt's lists and
 * archives are at hand, so nothing is fetched. Mounts and processes are in namespaces that end with the child.
 * @throws unavailable `bootstrap-failed`
 */
export async function unpack(
  scratch: string,
  apt: Apt,
  request: BootstrapRequest,
  plan: BootstrapPlan,
): Promise<void> {
  const root = rootIn(scratch);
  await prepare(root, apt, request, plan);
  const options = [
    '--mode=root',
    '--variant=extract',
    '--format=directory',
    `--architectures=${request.architecture}`,
    '--skip=check/empty,update,cleanup/apt',
    `--aptopt=Dir::State::lists "${apt.path('lists/')}"`,
    `--include=${plan.packages.map(({ name, version }) => `${name}=${version}`).join(',')}`,
  ];
  const isolated = ['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', 'mmdebstrap'];
  const ended = await run({
    command: [...isolated, ...options, request.suite, root, apt.path('sources/berth.sources')],
    env: { TMPDIR: scratch, SOURCE_DATE_EPOCH: String(plan.epoch) },
    signal: request.signal,
  });
  if (ended.exitCode !== 0)
    throw unavailable('bootstrap-failed', `unpack the packages with mmdebstrap: ${ended.tail}`);
}

/** The root before the first package: merged /usr, stand-ins, and the downloaded archives without copying them. */
async function prepare(
  root: string,
  apt: Apt,
  request: BootstrapRequest,
  plan: BootstrapPlan,
): Promise<void> {
  for (const name of mergedUsr) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  const archives = join(root, 'var/cache/apt/archives');
  await mkdir(archives, { recursive: true });
  for (const path of await apt.archives(plan.packages)) await symlink(path, join(archives, basename(path)));
  await mkdir(join(root, 'var/lib/dpkg'), { recursive: true });
  await writeFile(
    join(root, 'var/lib/dpkg/status'),
    standInStatus(request.contents.standIns, request.architecture),
  );
}
