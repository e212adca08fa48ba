'use strict';
// acme.Echo on a Unix socket: node grpc-server.js SOCKET [CERTIFICATE KEY]
// What a call does besides echoing is in its metadata: x-behave = error | hang | die | late-error.

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const { service, options } = require('./echo-service');

const { Missing, ...offered } = service;

function trailers() {
  const metadata = new grpc.Metadata();
  metadata.set('x-trailer', 'at the end');
  metadata.set('x-bytes-bin', Buffer.from([0, 1, 254, 255]));
  return metadata;
}

/** Answers with metadata: what came, and what is the server's own. */
function begin(call) {
  const metadata = new grpc.Metadata();
  for (const value of call.metadata.get('x-echo')) {
    metadata.add('x-echo', value);
  }

  for (const value of call.metadata.get('x-echo-bin')) {
    metadata.add('x-echo-bin', value);
  }

  metadata.set('x-peer-timeout', `${call.metadata.get('grpc-timeout')}`);
  metadata.set('x-has-deadline', `${call.getDeadline() !== Infinity}`);
  call.sendMetadata(metadata);
}

const behave = call => `${call.metadata.get('x-behave')[0] ?? ''}`;

/** True if the call is not to be served in the ordinary way. */
function misbehaves(call, fail) {
  switch (behave(call)) {
    case 'error':
      fail({ code: grpc.status.FAILED_PRECONDITION, details: 'no, 100% größer\nthan that', metadata: trailers() });
      return true;
    case 'hang':
      call.on('cancelled', () => console.log(`cancelled ${call.getPath()}`));
      begin(call);
      call.resume?.();
      if (call.cancelled) {
        console.log(`cancelled ${call.getPath()}`);
      }

      console.log(`hanging ${call.getPath()}`);
      return true;
    case 'die':
      begin(call);
      setTimeout(() => process.exit(1), 50);
      return true;
    default:
      return false;
  }
}

const fail = call => error => call.emit('error', error);

const server = new grpc.Server(options);
server.addService(offered, {
  Unary(call, callback) {
    if (!misbehaves(call, callback)) {
      begin(call);
      callback(null, call.request, trailers());
    }
  },
  ClientStream(call, callback) {
    if (misbehaves(call, callback)) {
      return;
    }

    let messages = 0;
    let bytes = 0;
    call.on('data', data => {
      messages++;
      bytes += data.length;
    });
    call.on('end', () => {
      begin(call);
      callback(null, Buffer.from(`${messages} messages, ${bytes} bytes`), trailers());
    });
  },
  ServerStream(call) {
    if (misbehaves(call, fail(call))) {
      return;
    }

    begin(call);
    const [count, size] = call.request.toString().split(' ').map(Number);
    let sent = 0;
    const push = () => {
      while (sent < count) {
        sent++;
        if (!call.write(Buffer.alloc(size, sent))) {
          call.once('drain', push);
          return;
        }
      }

      if (behave(call) === 'late-error') {
        call.emit('error', { code: grpc.status.DATA_LOSS, details: 'lost', metadata: trailers() });
      } else {
        call.end(trailers());
      }
    };
    push();
  },
  Bidi(call) {
    if (misbehaves(call, fail(call))) {
      return;
    }

    begin(call);
    call.on('data', data => {
      if (!call.write(data)) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.on('end', () => call.end(trailers()));
  },
});

const [, , socketPath, certificate, key] = process.argv;
const credentials = certificate
  ? grpc.ServerCredentials.createSsl(null, [{ cert_chain: fs.readFileSync(certificate), private_key: fs.readFileSync(key) }])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync(`unix:${socketPath}`, credentials, error => {
  if (error) {
    throw error;
  }
});
