export { Podman, type ContainerCommand, type PodmanCommand, type PodmanOptions } from './podman.js';
export { closedFolder, requireRoot } from './root.js';
export { skip, skipUnless, requireFeature, expectedFeatures, EXPECT_VARIABLE } from './skip.js';
export { Dice, fuzzFactor, fuzzMs, fuzzSeed, FUZZ_VARIABLE, SEED_VARIABLE } from './fuzz.js';
export { mebibytes, SLOW_VARIABLE } from './slow.js';
