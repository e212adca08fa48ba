'use strict';
// An HTTP/2 server that answers gRPC calls as no gRPC server should: node grpc-odd-server.js SOCKET. What it does is the method's name.

const http2 = require('http2');

const message = (bytes, flags = 0) => {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
};

const head = { ':status': 200, 'content-type': 'application/grpc' };

/** Sends a head, some bytes and, unless told otherwise, trailers with status 0. */
function answer(stream, bytes, trailers = { 'grpc-status': '0' }, fields = head) {
  stream.respond(fields, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(bytes);
}

const server = http2.createServer();
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  stream.resume();
  const [, , name] = headers[':path'].split('/');
  const [what, detail] = name.split('_');
  switch (what) {
    case 'Reset':
      stream.close(Number(detail));
      break;
    case 'ResetLate':
      // With trailers to wait for: node would else end the message before it resets the stream.
      stream.respond(head, { waitForTrailers: true });
      stream.write(message(Buffer.from('first')));
      setImmediate(() => stream.close(Number(detail)));
      break;
    case 'Http':
      stream.respond({ ':status': Number(detail), 'content-type': 'text/plain' });
      stream.end('not gRPC');
      break;
    case 'TrailersOnly':
      stream.respond({ ...head, 'grpc-status': detail, 'grpc-message': 'gr%C3%B6%C3%9Fer%0A100%25', 'x-more': 'metadata' }, { endStream: true });
      break;
    case 'NoStatus':
      answer(stream, message(Buffer.from('x')), { 'x-other': '1' });
      break;
    case 'NoTrailers':
      stream.respond(head);
      stream.end(message(Buffer.from('x')));
      break;
    case 'Html':
      stream.respond({ ':status': 200, 'content-type': 'text/html' });
      stream.end('<html>');
      break;
    case 'Compressed':
      answer(stream, message(Buffer.from('x'), 1), undefined, detail ? { ...head, 'grpc-encoding': detail } : head);
      break;
    case 'Flags':
      answer(stream, message(Buffer.from('x'), 2));
      break;
    case 'Huge':
      stream.respond(head);
      stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]));
      break;
    case 'Cut':
      answer(stream, message(Buffer.from('hello')).subarray(0, 7));
      break;
    case 'Twice':
      answer(stream, Buffer.concat([message(Buffer.from('x')), message(Buffer.from('y'))]));
      break;
    case 'Nothing':
      answer(stream, Buffer.alloc(0));
      break;
    case 'Bytewise': {
      // A message of three bytes in eight frames, then an empty one.
      stream.respond(head, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      const bytes = Buffer.concat([message(Buffer.from('abc')), message(Buffer.alloc(0))]);
      let sent = 0;
      const next = () => (sent < bytes.length ? stream.write(bytes.subarray(sent, ++sent), () => setImmediate(next)) : stream.end());
      next();
      break;
    }
    default:
      stream.respond({ ...head, 'grpc-status': '12' }, { endStream: true });
  }
});
server.listen(process.argv[2]);
