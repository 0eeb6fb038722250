import { release } from '#main/release.ts';

// The entry of the program. The daemon's code is loaded only for the daemon, so that the command line
// starts fast; the command line reaches the rest of the program only by what is handed to it here.
const { runCommand } = await import('#cli/main.ts');
const code = await runCommand(process.argv.slice(2), {
  version: release.version,
  environment: process.env,
  daemon: async () => {
    const { runDaemon } = await import('#main/daemon.ts');
    await runDaemon(process.env);
  },
  settings: async () => {
    const { loadSettings } = await import('#adapters/settings/settings-file.ts');
    return loadSettings(process.env);
  },
});
// A daemon that could not start still has threads and watches; nothing of it may keep the process.
if (code !== 0) process.exit(code);
