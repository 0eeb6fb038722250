import { loadSettings } from '#adapters/settings/settings-file.ts';
import { Client } from '#cli/client.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { Output } from '#cli/output.ts';

// What a command does that needs a daemon, for host.test.ts.
const { stdout, stderr, env: environment } = process;
await ensureDaemon({
  program: {
    version: '0',
    environment,
    daemon: () => Promise.resolve(),
    settings: () => loadSettings(environment),
  },
  output: new Output({ stdout, stderr, json: false, environment }),
  client: async () => new Client((await loadSettings(environment)).settings.host),
});
