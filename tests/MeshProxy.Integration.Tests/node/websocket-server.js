'use strict';
// A WebSocket server, over HTTP/1.1 or over HTTP/2's extended CONNECT (RFC 8441): node websocket-server.js SOCKET [VERSION [CERTIFICATE KEY]]
// VERSION is h1 or h2.
// What it does is in the path: /echo, /close, /abort, /ping, /refuse.

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const { WebSocketServer } = require('ws');
const { overHttp2 } = require('./websocket-over-http2');

const [, , socketPath, version, certificate, key] = process.argv;
const tls = certificate && { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) };

function serve(ws, path, destroy) {
  ws.on('error', () => {});
  switch (path) {
    case '/close':
      ws.close(4001, 'that is all');
      break;
    case '/abort':
      destroy();
      break;
    case '/ping':
      ws.ping('are you there');
      ws.on('pong', data => ws.send(`pong: ${data}`));
      break;
    default:
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  }
}

if (version === 'h2') {
  const settings = { enableConnectProtocol: true };
  const server = tls ? http2.createSecureServer({ ...tls, settings }) : http2.createServer({ settings });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const path = headers[':path'];
    if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket' || headers['sec-websocket-version'] !== '13') {
      stream.respond({ ':status': 400 }, { endStream: true });
    } else if (path === '/refuse') {
      stream.respond({ ':status': 401 }, { endStream: true });
    } else {
      const protocol = headers['sec-websocket-protocol'];
      stream.respond({ ':status': 200, ...(protocol ? { 'sec-websocket-protocol': protocol } : {}) });
      serve(overHttp2(stream, true), path, () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
    }
  });
  server.listen(socketPath);
} else {
  const answer = (request, response) => response.writeHead(426).end();
  const server = tls ? https.createServer(tls, answer) : http.createServer(answer);
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true, handleProtocols: protocols => [...protocols][0] });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (request.url === '/refuse') {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
      return;
    }

    sockets.handleUpgrade(request, socket, head, ws => serve(ws, request.url, () => socket.resetAndDestroy()));
  });
  server.listen(socketPath);
}
