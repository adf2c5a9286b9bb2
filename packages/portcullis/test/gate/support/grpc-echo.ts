import type { ServiceDefinition } from '@grpc/grpc-js';

const wire = {
  requestSerialize: (value: string): Buffer => Buffer.from(value),
  requestDeserialize: (bytes: Buffer): string => bytes.toString(),
  responseSerialize: (value: string): Buffer => Buffer.from(value),
  responseDeserialize: (bytes: Buffer): string => bytes.toString(),
};

/** A service without a `.proto`: text there, text back, once or three times. */
export const ECHO: ServiceDefinition = {
  say: { path: '/Echo/Say', requestStream: false, responseStream: false, ...wire },
  sayAll: { path: '/Echo/SayAll', requestStream: false, responseStream: true, ...wire },
};
