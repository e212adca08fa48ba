'use strict';
// Answers gRPC calls over HTTP/1.1, with the status in the trailers of a chunked body: node grpc-http1-server.js SOCKET. What it does is the method's name.

const http = require('http');

const type = { 'content-type': 'application/grpc' };

http.createServer((request, response) => {
  request.on('error', () => {});
  switch (request.url.split('/').at(-1)) {
    case 'Refuse':
      request.resume();
      response.writeHead(200, { ...type, 'grpc-status': '5', 'grpc-message': 'no such thing', 'content-length': '0' });
      response.end();
      break;
    case 'Html':
      request.resume();
      response.writeHead(503, { 'content-type': 'text/html' });
      response.end('<html>');
      break;
    case 'Break':
      response.writeHead(200, type);
      request.once('data', data => response.write(data, () => response.socket.destroy()));
      break;
    case 'Fail':
      response.writeHead(200, { ...type, trailer: 'grpc-status, grpc-message' });
      response.addTrailers({ 'grpc-status': '9', 'grpc-message': 'not now' });
      request.pipe(response);
      break;
    default:
      // Echoes while the request comes.
      response.writeHead(200, { ...type, trailer: 'grpc-status, x-trailer', 'x-te': `${request.headers.te}` });
      response.flushHeaders();
      response.addTrailers({ 'grpc-status': '0', 'x-trailer': 'at the end' });
      request.pipe(response);
  }
}).listen(process.argv[2]);
