import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { conflict, notFound, systemCode } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { noticeText } from '#cli/render/report.ts';
import { AppApi } from './app-api.ts';
import { withPolicyFile } from './policy-files.ts';
import { projectBody } from './project.ts';

/**
 * `berth policy import`: makes a file of NetworkPolicies one of an app's project and names it in the compose file, when the
 * daemon understands all of it.
 */
export async function importPolicy(context: Context, file: string, { app }: { app?: string }): Promise<void> {
  const source = resolve(file);
  const text = await textOf(source);
  if (text === undefined) throw notFound('policy-file-missing', `there is no file '${source}'`);
  const api = new AppApi(await ensureDaemon(context));
  const target = app === undefined ? undefined : (await api.meant(app)).folder;
  const body = await projectBody(api, target, { file: [] }, context.program.environment);
  const [first = '', ...others] = body.files;
  const compose = resolve(body.folder, first);
  const before = await readFile(compose, 'utf8');
  const { name, made } = await placed(source, text, dirname(compose));
  const after = withPolicyFile(before, name);
  const draft = join(dirname(compose), `.import-${basename(compose)}`);
  let isDone = false;
  try {
    await writeFile(draft, after);
    const { notices } = await api.config({ ...body, files: [draft, ...others] });
    await writeFile(compose, after);
    isDone = true;
    for (const notice of notices.filter(({ code }) => code.startsWith('policy')))
      context.output.note(
        noticeText(notice, (colour, words) => context.output.paint(colour, words, 'stderr')),
      );
  } finally {
    await rm(draft, { force: true });
    if (!isDone && made !== undefined) await rm(made);
  }
  context.output.json({ compose, file: name, changed: after !== before });
  context.output.print(
    after === before
      ? `${compose} names ${name} already`
      : `${name} is one of the policies of ${compose} now: berth up puts it in force`,
  );
}

/** A file of the project as it is; another one is copied beside the compose file. */
async function placed(
  source: string,
  text: string,
  folder: string,
): Promise<{ name: string; made?: string }> {
  const inside = relative(folder, source);
  if (!inside.startsWith('..')) return { name: inside };
  const name = basename(source);
  const copy = join(folder, name);
  const there = await textOf(copy);
  if (there === text) return { name };
  if (there !== undefined)
    throw conflict('policy-file-exists', `'${copy}' is there already, with another content`, {
      hint: 'give the policy another name, or remove the file',
    });
  await writeFile(copy, text);
  return { name, made: copy };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
