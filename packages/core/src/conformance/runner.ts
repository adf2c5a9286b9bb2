/**
 * What a test runner offers: mocha's globals, or `node:test`. `it` gets a function without parameters, whose promise is waited
 * for; a throw is a failure.
 */
export interface ConformanceRunner {
  describe(title: string, define: () => void): unknown;
  it(title: string, run: () => Promise<void>): unknown;
}
