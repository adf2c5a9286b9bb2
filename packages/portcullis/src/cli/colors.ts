import picocolors from 'picocolors';

export type Colors = Pick<ReturnType<typeof picocolors.createColors>, 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'>;

/** Colours for a stream that is a terminal, unless NO_COLOR is set to something (https://no-color.org). */
export function colorsFor(stream: { readonly isTTY?: boolean }): Colors {
  return picocolors.createColors(hasColor(stream));
}

export function hasColor(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}
