/** The most that one file of a policy may have, as it is handed on: left away where nobody said. */
export function limitsOf({ maxBytes }: { readonly maxBytes?: number | undefined }): { readonly maxBytes?: number } {
  return maxBytes === undefined ? {} : { maxBytes };
}
