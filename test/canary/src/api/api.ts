import { port } from '../ports/port.ts';
export const api = port;
