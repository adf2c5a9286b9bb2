import { interceptCalls } from './intercept.js';

/** How often a program's content was opened while `act` ran: `/proc/PID/exe` is opened for a digest alone, where maps and stat agree. */
export async function contentOpened(act: () => Promise<unknown>): Promise<number> {
  let opened = 0;
  const stop = interceptCalls((_count, name, args) => {
    if (name === 'openat' && /^\/proc\/self\/fd\/[0-9]+\0$/.test(Buffer.from(args[1] as Uint8Array).toString('latin1'))) opened += 1;
  });
  await act().finally(stop);
  return opened;
}
