const wire = {
  requestStream: false, responseStream: false,
  requestSerialize: (value) => Buffer.from(JSON.stringify(value)), requestDeserialize: (bytes) => JSON.parse(bytes.toString()),
  responseSerialize: (value) => Buffer.from(JSON.stringify(value)), responseDeserialize: (bytes) => JSON.parse(bytes.toString()),
};

/** As a `.proto` would say it; JSON in place of protobuf keeps the example to what it is about. */
export const KEYS = {
  get: { path: '/Keys/Get', ...wire },
  put: { path: '/Keys/Put', ...wire },
};
