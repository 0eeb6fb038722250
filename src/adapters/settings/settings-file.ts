import { readFile } from 'node:fs/promises';
import { invalid, messageOf, systemCode } from '#base/errors.ts';
import { readSettings } from '#domain/settings/read.ts';
import type { EffectiveSetting, Settings } from '#domain/settings/settings.ts';

const standardPath = '/etc/berth/config.toml';

/**
 * The settings in force, from the environment and the settings file (BERTH_CONFIG or the standard one,
 * which need not exist).
 * @throws invalid `settings-invalid`, `settings-unreadable`
 */
export async function loadSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ settings: Settings; effective: EffectiveSetting[] }> {
  const named = environment['BERTH_CONFIG'];
  const path = named === undefined || named === '' ? standardPath : named;
  const text = await textOf(path);
  return readSettings({ ...(text !== undefined && { file: { path, text } }), environment });
}

/** Undefined when the standard file is not there. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' && path === standardPath) return undefined;
    throw invalid('settings-unreadable', `the settings file '${path}' cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: 'BERTH_CONFIG names the file; unset it to use the defaults',
    });
  }
}
