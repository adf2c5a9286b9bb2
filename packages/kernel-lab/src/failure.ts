/** The lab cannot run here: something is missing, and nothing was learnt of any kernel. Exit code 3. */
export class CannotRun extends Error {}

/** The command line asks for what there is not. Exit code 2. */
export class UsageError extends Error {}
