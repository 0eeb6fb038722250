/** Waits for a promise, which may fail, or until the signal is aborted. @throws the signal's reason, or what the promise throws */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Once the signal is aborted nobody waits for it any more.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => {
    const reason: unknown = signal.reason;
    aborted.reject(reason);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
