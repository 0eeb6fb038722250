import type { BuildSession } from '#ports/build-sessions.ts';
import { unsupported } from '#base/errors.ts';

function none(): Error {
  return unsupported('session-missing', 'the build has no session that could give files of the client', {
    hint: 'send the context with the request, or name the session of the client',
  });
}

/** Of a build whose client has no session: it has no files, secrets, agents and credentials, and takes nothing. */
export const noSession: BuildSession = {
  id: '',
  closed: new AbortController().signal,
  receive: () => Promise.reject(none()),
  upload: () => {
    throw none();
  },
  secret: () => Promise.resolve(undefined),
  hasAgent: () => Promise.resolve(false),
  agent: () => {
    throw none();
  },
  credentials: () => Promise.resolve(undefined),
  sendArchive: () => Promise.reject(none()),
  sendFolders: () => Promise.reject(none()),
  blobs: { read: () => Promise.reject(none()), write: () => Promise.reject(none()) },
  close: () => undefined,
};
