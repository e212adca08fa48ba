'use strict';
// Plays one scenario against acme.Echo and says what came of it: node grpc-client.js PORT SCENARIO [CA-FILE]

const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const { service, options } = require('./echo-service');

const [, , port, scenario, ca] = process.argv;
const credentials = ca ? grpc.credentials.createSsl(fs.readFileSync(ca)) : grpc.credentials.createInsecure();
const Echo = grpc.makeGenericClientConstructor(service, 'acme.Echo');
const client = new Echo(`${ca ? 'localhost' : '127.0.0.1'}:${port}`, credentials, options);

const say = text => console.log(text);
const within = (seconds = 60) => ({ deadline: Date.now() + seconds * 1000 });

function metadata(behave) {
  const result = new grpc.Metadata();
  if (behave) {
    result.set('x-behave', behave);
  }

  return result;
}

function check(condition, text) {
  if (!condition) {
    say(`wrong: ${text}`);
    process.exit(1);
  }
}

function sayStatus(error) {
  const trailer = error.metadata?.get('x-trailer')[0];
  say(`${error.code} ${error.details}${trailer ? ` (${trailer})` : ''}`);
}

/** The promise of a unary call's answer, its head's and its trailers' metadata. */
function unary(message, sent = metadata(), callOptions = within()) {
  return new Promise((resolve, reject) => {
    let head;
    let status;
    const call = client.Unary(message, sent, callOptions, (error, response) => {
      if (error) {
        reject(error);
      } else {
        setImmediate(() => resolve({ response, head, trailers: status.metadata }));
      }
    });
    call.on('metadata', m => { head = m; });
    call.on('status', s => { status = s; });
  });
}

/** Reads all of a stream. */
function drain(call, onMessage = () => {}) {
  return new Promise((resolve, reject) => {
    let messages = 0;
    let bytes = 0;
    call.on('data', data => {
      messages++;
      bytes += data.length;
      onMessage(data, messages);
    });
    call.on('error', reject);
    call.on('end', () => resolve({ messages, bytes }));
  });
}

const scenarios = {
  async unary() {
    const sent = metadata();
    sent.add('x-echo', 'one');
    sent.add('x-echo', 'two');
    sent.set('x-echo-bin', Buffer.from([0, 10, 13, 255]));
    const { response, head, trailers } = await unary(Buffer.from('hello'), sent);
    check(response.toString() === 'hello', 'the message');
    check(head.get('x-echo').join() === 'one, two' || head.get('x-echo').join() === 'one,two', `the head's metadata: ${head.get('x-echo')}`);
    check(head.get('x-echo-bin')[0].equals(Buffer.from([0, 10, 13, 255])), 'binary metadata');
    check(trailers.get('x-trailer')[0] === 'at the end', 'the trailers');
    check(trailers.get('x-bytes-bin')[0].equals(Buffer.from([0, 1, 254, 255])), 'binary trailers');
    for (let i = 0; i < 50; i++) {
      const message = Buffer.alloc(i * 331, i);
      check((await unary(message)).response.equals(message), `message ${i}`);
    }

    const messages = Array.from({ length: 100 }, (_, i) => Buffer.alloc(i * 997, i));
    const answers = await Promise.all(messages.map(message => unary(message)));
    check(answers.every(({ response }, i) => response.equals(messages[i])), 'messages at once');
    say('151 calls');
  },
  async large() {
    const message = Buffer.alloc((5 << 20) + 3, 9);
    check((await unary(message)).response.equals(message), 'the message');
    say('5 MiB there and back');
  },
  async clientStream() {
    const answer = await new Promise((resolve, reject) => {
      const call = client.ClientStream(metadata(), within(), (error, response) => (error ? reject(error) : resolve(response)));
      let left = 100;
      const push = () => {
        while (left-- > 0) {
          if (!call.write(Buffer.alloc(10_000, left))) {
            call.once('drain', push);
            return;
          }
        }

        call.end();
      };
      push();
    });
    say(`${answer}`);
  },
  async serverStream() {
    const { messages, bytes } = await drain(client.ServerStream(Buffer.from('200 5000'), metadata(), within()), (data, n) => check(data[0] === n % 256, 'the order'));
    say(`${messages} messages, ${bytes} bytes`);
  },
  async pingPong() {
    // Each message waits for the answer to the one before: none may be held back.
    const call = client.Bidi(metadata(), within());
    const rounds = 60;
    call.write(Buffer.alloc(1, 1));
    const { messages } = await drain(call, (data, n) => {
      check(data.length === 1 + (n - 1) * 100 && data[0] === n, `message ${n}`);
      if (n < rounds) {
        call.write(Buffer.alloc(1 + n * 100, n + 1));
      } else {
        call.end();
      }
    });
    say(`${messages} rounds`);
  },
  async flood() {
    const call = client.Bidi(metadata(), within());
    let left = 64;
    const push = () => {
      while (left-- > 0) {
        if (!call.write(Buffer.alloc(512 << 10, 5))) {
          call.once('drain', push);
          return;
        }
      }

      call.end();
    };
    push();
    const { messages, bytes } = await drain(call);
    say(`${messages} messages, ${bytes} bytes`);
  },
  async error() {
    await unary(Buffer.from('x'), metadata('error')).catch(sayStatus);
    await drain(client.Bidi(metadata('error'), within())).catch(sayStatus);
    await drain(client.ServerStream(Buffer.from('3 10'), metadata('late-error'), within()), (_, n) => say(`message ${n}`)).catch(sayStatus);
    await new Promise(resolve => client.Missing(Buffer.from('x'), metadata(), within(), error => {
      say(`${error.code}`);
      resolve();
    }));
  },
  async cancel() {
    const call = client.Bidi(metadata('hang'), within());
    call.on('metadata', () => call.cancel());
    await drain(call).catch(sayStatus);
  },
  async deadline() {
    await unary(Buffer.from('x'), metadata('hang'), within(0.3)).catch(error => say(`${error.code}`));
  },
  async patience() {
    await unary(Buffer.from('x'), metadata('hang')).catch(sayStatus);
  },
  async timeout() {
    const { head } = await unary(Buffer.from('x'), metadata(), within(100));
    say(`deadline ${head.get('x-has-deadline')}`);
  },
  async die() {
    await drain(client.Bidi(metadata('die'), within())).catch(error => say(`${error.code}`));
  },
  async failing() {
    await unary(Buffer.from('x')).catch(sayStatus);
  },
};

scenarios[scenario]().then(() => client.close(), error => {
  say(`${scenario}: ${error.stack}`);
  process.exit(1);
});
