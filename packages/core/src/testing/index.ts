export { fakeAttestor, fakeDefinition, findingsOf, type AttestCall, type FakeAttestor, type FakeAttestorOptions } from './fake-attestor.js';
export { fakePeerSource, type FakePeer, type FakePeerFacts, type FakePeerSource } from './fake-peer-source.js';
export { allowUids, hasValue, stubPolicy, type StubAnswer, type StubPolicyOptions } from './stub-policy.js';
