export { skip, skipUnless, requireFeature, expectedFeatures, EXPECT_VARIABLE } from './skip.js';
