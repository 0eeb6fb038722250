import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Something to build. */
export interface BuildCase {
  name: string;
  folder: string;
}

/** Folders with a Dockerfile on the image `bench`, below `scratch`. */
export async function makeCases(scratch: string): Promise<{ steps: BuildCase; copies: BuildCase }> {
  const steps = Array.from({ length: 10 }, (_, step) => `RUN echo ${step} > /step${step}\n`).join('');
  return {
    steps: {
      name: 'ten RUN steps',
      folder: await write(join(scratch, 'steps'), { Dockerfile: `FROM bench\n${steps}` }),
    },
    copies: { name: 'COPY of 5,000 files of 4 KB', folder: await manyFiles(join(scratch, 'copies')) },
  };
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
