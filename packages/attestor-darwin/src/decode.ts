/** Paths and identifiers beyond this are not believed: PROC_PIDPATHINFO_MAXSIZE. */
const MOST_BYTES = 4096;

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict UTF-8 without a NUL, or undefined (I11): a replaced byte would be a guess. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength > MOST_BYTES || bytes.includes(0)) return undefined;
  try {
    return STRICT.decode(bytes);
  } catch {
    return undefined;
  }
}

/** An absolute path, decoded strictly. */
export function decodePath(bytes: Uint8Array): string | undefined {
  const text = decodeText(bytes);
  return text?.startsWith('/') === true ? text : undefined;
}
