'use strict';
// A WebSocket client that plays one scenario and says what came of it: node websocket-client.js PORT SCENARIO [VERSION [CA-FILE]]
// VERSION is h1 or h2; with a CA it is over TLS.

const fs = require('fs');
const http2 = require('http2');
const { WebSocket } = require('ws');
const { overHttp2 } = require('./websocket-over-http2');

const [, , port, scenario, version, caFile] = process.argv;
const ca = caFile && fs.readFileSync(caFile);
const secure = ca ? 's' : '';

function say(text) {
  console.log(text);
}

/** Opens a socket. Calls back with it, or says with which status it was refused. */
function open(path, use) {
  if (version === 'h2') {
    const session = http2.connect(`http${secure}://127.0.0.1:${port}`, { ca });
    session.on('error', error => say(`session: ${error.message}`));
    session.once('remoteSettings', settings => {
      if (!settings.enableConnectProtocol) {
        say('no extended CONNECT');
        session.close();
        return;
      }

      const stream = session.request({
        ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': `http${secure}`, ':path': path, ':authority': 'chat',
        'sec-websocket-version': '13', 'sec-websocket-protocol': 'chat', origin: 'http://chat',
      });
      stream.on('error', error => say(`stream: ${error.code}`));
      stream.on('response', headers => {
        if (headers[':status'] !== 200) {
          say(`refused ${headers[':status']}`);
          stream.resume();
          session.close();
          return;
        }

        const ws = overHttp2(stream, false);
        ws.on('close', () => session.close());
        use(ws, headers['sec-websocket-protocol']);
      });
    });
    return;
  }

  const ws = new WebSocket(`ws${secure}://127.0.0.1:${port}${path}`, ['chat'], { perMessageDeflate: true, ca });
  ws.on('error', () => {});
  ws.on('unexpected-response', (request, response) => {
    say(`refused ${response.statusCode}`);
    response.resume();
    request.destroy();
  });
  ws.on('open', () => use(ws, ws.protocol));
}

function reportClose(ws) {
  ws.on('error', () => {});
  ws.on('close', (code, reason) => say(`closed ${code} ${reason}`));
}

const scenarios = {
  echo: () => open('/echo', (ws, protocol) => {
    say(`protocol ${protocol}`);
    const messages = ['hello', '', Buffer.alloc(1 << 20, 7), 'größe ☃', Buffer.alloc(70_000, 1), 'x'.repeat(126)];
    let next = 0;
    reportClose(ws);
    ws.on('message', (data, isBinary) => {
      const expected = messages[next++];
      if (isBinary !== Buffer.isBuffer(expected) || !data.equals(Buffer.from(expected))) {
        say(`message ${next} differs`);
        process.exit(1);
      }

      if (next === messages.length) {
        say(`${next} messages`);
        ws.close(1000, 'done');
      } else {
        // One at a time: each has to come through without the next one pushing it.
        ws.send(messages[next]);
      }
    });
    ws.send(messages[0]);
  }),
  fragments: () => open('/echo', ws => {
    reportClose(ws);
    ws.on('message', data => {
      say(`${data}`);
      ws.close(1000);
    });
    ws.send('one ', { fin: false });
    ws.ping();
    ws.once('pong', () => {
      ws.send('two ', { fin: false });
      ws.send('three', { fin: true });
    });
  }),
  flood: () => open('/echo', ws => {
    // More than any buffer on the way, both directions at once.
    const part = Buffer.alloc(1 << 20, 3);
    let left = 32;
    reportClose(ws);
    ws.on('message', data => {
      if (!data.equals(part)) {
        say('a message differs');
        process.exit(1);
      }

      if (--left === 0) {
        say('32 MiB');
        ws.close(1000);
      }
    });
    for (let i = 0; i < 32; i++) {
      ws.send(part);
    }
  }),
  ping: () => open('/ping', ws => {
    reportClose(ws);
    ws.on('message', data => {
      say(`${data}`);
      ws.close(1000);
    });
  }),
  close: () => open('/close', ws => reportClose(ws)),
  abort: () => open('/abort', ws => reportClose(ws)),
  silent: () => open('/echo', ws => reportClose(ws)),
  refused: () => open('/refuse', ws => say('not refused')),
};

scenarios[scenario]();
