import { escapeJson } from '@portcullis/core';

/** A text as YAML has it: as it is where that is safe, in double quotes else. JSON's escapes are YAML's. */
export function yamlText(text: string): string {
  return /^[A-Za-z/][A-Za-z0-9/._-]*(?::[A-Za-z0-9/._-]+)*$/.test(text) && !/^(?:true|false|null)$/i.test(text) ? text : escapeJson(JSON.stringify(text));
}
