// Runs other people's clients against private daemons and writes what came of it into docs/compatibility.md.
// Arguments: names of clients, to run only these and leave the page as it is.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { isSurprise, type Checks } from './checks.ts';
import { checkBuildx } from './buildx.ts';
import { checkCompose } from './compose.ts';
import { checkDevcontainers } from './devcontainers.ts';
import { checkDocker } from './docker.ts';
import { checkOldDocker } from './docker-old.ts';
import { linkPlugin, newestClients } from './install.ts';
import { checkDockerode, checkDockerPy, checkTestcontainers } from './programs.ts';
import { withReports } from './table.ts';

const page = new URL('../../docs/compatibility.md', import.meta.url);

const clients: Readonly<Record<string, (daemon: TestDaemon) => Promise<Checks>>> = {
  docker: checkDocker,
  'docker-newest': checkDocker,
  'docker-old': checkOldDocker,
  buildx: checkBuildx,
  'buildx-newest': checkBuildx,
  compose: checkCompose,
  'compose-newest': checkCompose,
  dockerode: checkDockerode,
  testcontainers: checkTestcontainers,
  'docker-py': checkDockerPy,
  devcontainers: checkDevcontainers,
};

const plugins = ['docker-compose', 'docker-buildx'] as const;
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in clients));
if (unknown.length > 0)
  throw new Error(`no client '${unknown.join(', ')}': there are ${Object.keys(clients).join(', ')}`);

const reports: Checks[] = [];
for (const [name, check] of Object.entries(clients)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const programs = name.endsWith('-newest') ? await newestClients() : '';
  if (programs === undefined) {
    process.stdout.write(`${name}: not tried, as there is no Go to build it\n`);
    continue;
  }
  const path = `${programs}:${process.env['PATH'] ?? ''}`;
  await using daemon = await startDaemon(programs === '' ? {} : { environment: { PATH: path } });
  // The client's own help names what plugins add to its commands, too: `docker bake`.
  if (programs !== '' && check !== checkDocker)
    for (const plugin of plugins) await linkPlugin(daemon, plugin, join(programs, plugin));
  await daemon.loadBusybox();
  reports.push(await check(daemon));
}
if (asked.length === 0) await writeFile(page, withReports(await readFile(page, 'utf8'), reports));

const surprises = reports.flatMap(({ outcomes }) => outcomes.filter(isSurprise));
const count = reports.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
process.stdout.write(
  `${count} checks by ${reports.length} clients, ${surprises.length} not as they should be\n`,
);
if (surprises.length > 0) process.exitCode = 1;
