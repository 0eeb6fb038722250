import { spawn } from 'node:child_process';
import { other } from './other.ts';
export const verb = (): unknown => [spawn, other];
