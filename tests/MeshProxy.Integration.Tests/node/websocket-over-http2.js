'use strict';
// ws speaks the framing; its handshake knows HTTP/1.1 only, so over an HTTP/2 stream it is handed the stream after the handshake.

const { WebSocket } = require('ws');

exports.overHttp2 = (stream, isServer) => {
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 30_000 });
  ws._isServer = isServer;
  ws.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 64 << 20, skipUTF8Validation: false });
  return ws;
};
