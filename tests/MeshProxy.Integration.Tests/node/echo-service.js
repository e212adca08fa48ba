'use strict';
// acme.Echo: messages are bytes, so that no proto file is needed.

const method = (name, requestStream, responseStream) => ({
  path: `/acme.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes => bytes,
  requestDeserialize: bytes => bytes,
  responseSerialize: bytes => bytes,
  responseDeserialize: bytes => bytes,
});

exports.service = {
  Unary: method('Unary', false, false),
  ClientStream: method('ClientStream', true, false),
  ServerStream: method('ServerStream', false, true),
  Bidi: method('Bidi', true, true),
  Missing: method('Missing', false, false),
};

exports.options = {
  'grpc.max_receive_message_length': 64 << 20,
  'grpc.max_send_message_length': 64 << 20,
  'grpc.use_local_subchannel_pool': 1,
};
