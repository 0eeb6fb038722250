// Started by tests as a process of its own, to be killed: starts one task and reports its id and pid.
import { readFileSync } from 'node:fs';
import type { CreateTask } from '#ports/runtime.ts';
import { openRuntime } from './tasks.ts';

const [, , folder = '', taskFile = ''] = process.argv;
const parse: (text: string) => CreateTask = JSON.parse;
const task = parse(readFileSync(taskFile, 'utf8'));
const runtime = await openRuntime(folder);
const { pid } = await runtime.create(task);
await runtime.start(task.id);
process.stdout.write(`${pid}\n`);
