import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Something to build. */
export interface BuildCase {
  name: string;
  folder: string;
}

const count = (to: number): string => `i=0; while [ $i -lt ${to} ]; do i=$((i+1)); done`;

/** Folders with a Dockerfile on the image `bench`, below `scratch`. */
export async function makeCases(scratch: string): Promise<BuildCase[]> {
  const steps = Array.from({ length: 10 }, (_, step) => `RUN echo ${step} > /step${step}\n`).join('');
  const stage = (name: string): string =>
    `FROM bench AS ${name}\nRUN ${count(100_000)}; echo ${name} > /out\n`;
  const last = 'FROM bench\nCOPY --from=one /out /one\nCOPY --from=two /out /two\n';
  // As dpkg does with each file of a package.
  const synced = 'dd if=/dev/zero of=/many/$i bs=4k count=1 conv=fsync 2>/dev/null';
  const syncing = `mkdir /many; i=0; while [ $i -lt 300 ]; do i=$((i+1)); ${synced}; done`;
  const made = async (name: string, at: string, dockerfile: string): Promise<BuildCase> => ({
    name,
    folder: await write(join(scratch, at), { Dockerfile: dockerfile }),
  });
  return [
    await made('ten RUN steps', 'steps', `FROM bench\n${steps}`),
    { name: 'COPY of 5,000 files of 4 KB', folder: await manyFiles(join(scratch, 'copies')) },
    await made('two independent stages', 'stages', `${stage('one')}${stage('two')}${last}`),
    await made('a RUN that syncs 300 files', 'syncing', `FROM bench\nRUN ${syncing}\n`),
  ];
}

async function manyFiles(folder: string): Promise<string> {
  const files: Record<string, string> = { Dockerfile: 'FROM bench\nCOPY . /files/\n' };
  for (let at = 0; at < 5000; at += 1)
    files[`part${at % 50}/file${at}`] = `${at}\n`.repeat(800).slice(0, 4096);
  return write(folder, files);
}

async function write(folder: string, files: Record<string, string>): Promise<string> {
  const folders = new Set(Object.keys(files).map((name) => join(folder, name, '..')));
  for (const each of folders) await mkdir(each, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}
