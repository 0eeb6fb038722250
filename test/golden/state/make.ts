// Makes the root folder of a daemon with something of everything in its state: make.ts FILE.tar.gz
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { waitingProgram } from '../../support/waiting-program.ts';

const [, , target = ''] = process.argv;
const daemon = new TestDaemon('/var/tmp/b-golden-state', {});
await mkdir(daemon.folder);
await daemon.start();

const tar = pack();
for (const name of ['etc', 'tmp', 'proc', 'sys', 'dev', 'data']) tar.entry({ name: `${name}/`, type: 'directory' });
tar.entry({ name: 'wait', mode: 0o755 }, waitingProgram());
tar.entry({ name: 'etc/motd' }, 'from the image\n');
tar.finalize();
await daemon.ok('import', '--change', 'CMD ["/wait"]', '-', 'waiting:1', { input: await buffer(tar) });
await daemon.ok('tag', 'waiting:1', 'example.org/team/waiting:stable');
await daemon.ok('network', 'create', '--subnet', '10.199.1.0/24', '--label', 'made=first', 'backend');
await daemon.ok('volume', 'create', '--label', 'made=first', 'named');

const common = ['--label', 'made=first', '-e', 'NAME=value', '-v', 'named:/data', '--memory', '64m'];
await daemon.ok('run', '-d', '--name', 'runs', '--restart', 'always', ...common, '--network', 'backend', 'waiting:1');
await daemon.ok('run', '-d', '--name', 'stopped', ...common, '--network', 'none', 'waiting:1');
await daemon.ok('kill', 'stopped');
await daemon.ok('create', '--name', 'made', ...common, '--health-cmd', 'true', '-p', '127.0.0.1::80', 'waiting:1');
const app = join(daemon.folder, 'app');
await mkdir(app);
await writeFile(join(app, 'compose.yaml'), 'name: shop\nservices:\n  web:\n    image: waiting:1\n    network_mode: none\n');
await daemon.berth('up', app);
await daemon.berth('down', 'shop');
await daemon.berth('up', app);
await daemon.berth('socket', 'create', join(daemon.folder, 'scoped.sock'), '--allow', 'containers:read');

await daemon.stop();
await run('tar', ['-C', daemon.folder, '--one-file-system', '-czf', target, 'root']);
await daemon[Symbol.asyncDispose]();
