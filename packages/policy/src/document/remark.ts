/** A comment that speaks to this program: `# portcullis: …`. */
export interface Remark {
  /** Of the comment, in UTF-16 units. */
  readonly offset: number;
  readonly length: number;
  /** What follows the colon. */
  readonly text: string;
}

const ADDRESSED = /^#[ \t]*portcullis:[ \t]*(.*)$/;

/** A comment as a remark, or undefined where it speaks to people. */
export function remarkOf(comment: string, offset: number): Remark | undefined {
  const text = ADDRESSED.exec(comment.trimEnd())?.[1];
  return text === undefined ? undefined : { offset, length: comment.trimEnd().length, text };
}
