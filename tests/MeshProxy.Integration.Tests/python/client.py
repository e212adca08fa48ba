"""An HTTP/2 client by python3-h2: client.py PORT SCENARIO. It says "ok", or fails."""
import socket
import sys

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

Code = h2.settings.SettingCodes


class Client:
    def __init__(self, port, settings=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.settimeout(30)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.status, self.body, self.ended, self.resets, self.largest = {}, {}, set(), {}, 0
        self.acknowledge = True
        self.settings_acked = 0
        self.flush()
        self.until(lambda: self.settings_acked == 1)

    def change(self, settings):
        """h2 takes an acknowledgement for that of the last SETTINGS: one at a time."""
        acked = self.settings_acked
        self.h2.update_settings(settings)
        self.flush()
        self.until(lambda: self.settings_acked > acked)

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def pump(self):
        data = self.socket.recv(65536)
        if not data:
            raise AssertionError("closed")
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.status[event.stream_id] = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                self.body[event.stream_id] = self.body.get(event.stream_id, b"") + event.data
                self.largest = max(self.largest, len(event.data))
                if self.acknowledge:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.resets[event.stream_id] = event.error_code
            elif isinstance(event, h2.events.SettingsAcknowledged):
                self.settings_acked += 1
        self.flush()

    def until(self, condition):
        while not condition():
            self.pump()

    def ask(self, stream, path, method="GET", end=True, more=()):
        self.h2.send_headers(
            stream, [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path), *more], end_stream=end)
        self.flush()

    def send(self, stream, body, end=False):
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if room == 0:
                self.pump()
                continue
            self.h2.send_data(stream, body[:room])
            self.flush()
            body = body[room:]
        if end:
            self.h2.end_stream(stream)
            self.flush()

    def get(self, stream, path, length):
        self.ask(stream, path)
        self.until(lambda: stream in self.ended)
        assert self.status[stream] == "200" and len(self.body[stream]) == length, (self.status, len(self.body.get(stream, b"")))


def tiny_windows(port):
    """One byte at a time, then the rest."""
    client = Client(port, {Code.INITIAL_WINDOW_SIZE: 1})
    client.get(1, "/bytes/60", 60)
    assert client.largest == 1, client.largest
    client.change({Code.INITIAL_WINDOW_SIZE: 100_000})
    client.get(3, "/bytes/200000", 200_000)


def shrinking_window(port):
    """The window of a stream under way gets below zero and comes back."""
    client = Client(port)
    client.acknowledge = False
    client.ask(1, "/bytes/150000")
    client.until(lambda: len(client.body.get(1, b"")) == 65535)
    client.change({Code.INITIAL_WINDOW_SIZE: 10})
    assert 1 not in client.ended
    client.h2.increment_flow_control_window(200_000)
    client.h2.increment_flow_control_window(200_000, 1)
    client.flush()
    client.until(lambda: 1 in client.ended)
    assert len(client.body[1]) == 150_000
    client.acknowledge = True
    client.get(3, "/bytes/1000", 1000)


def changing_settings(port):
    """Table size, frame size and the rest change between requests and in them."""
    client = Client(port)
    stream = 1
    for table, frame, window in ((0, 16384, 65535), (4096, 65536, 200_000), (100, 16384, 1000), (65536, 16_777_215, 2**31 - 1), (0, 20_000, 300_000)):
        client.change({Code.HEADER_TABLE_SIZE: table, Code.MAX_FRAME_SIZE: frame, Code.INITIAL_WINDOW_SIZE: window, Code.ENABLE_PUSH: 0})
        client.ask(stream, "/echo", "POST", end=False, more=[("x-long", "v" * 3000)])
        client.send(stream, b"x" * 40_000)
        client.change({Code.INITIAL_WINDOW_SIZE: max(1000, window // 2)})
        client.send(stream, b"y" * 40_000, end=True)
        client.until(lambda: stream in client.ended)
        assert client.body[stream] == b"x" * 40_000 + b"y" * 40_000
        client.get(stream + 2, "/bytes/70000", 70_000)
        stream += 4


def resets(port):
    """Streams that are reset at every stage and with every code; the others go on."""
    client = Client(port)
    stream = 1
    for code in [*h2.errors.ErrorCodes, 0xFFFF]:
        client.ask(stream, "/bytes/1000000")
        client.until(lambda: stream in client.body)
        client.h2.reset_stream(stream, code)
        client.ask(stream + 2, "/echo", "POST", end=False)
        client.send(stream + 2, b"half of it")
        client.h2.reset_stream(stream + 2, code)
        client.flush()
        client.get(stream + 4, "/bytes/10", 10)
        stream += 6


def pings_and_goaway(port):
    """A client that says GOAWAY still gets what it has asked for."""
    client = Client(port)
    client.h2.ping(b"12345678")
    client.ask(1, "/bytes/300000")
    client.h2.prioritize(1, weight=3, depends_on=0)
    client.h2.close_connection()
    client.flush()
    # python3-h2 takes no more frames after its own GOAWAY: count them by hand.
    body = b""
    while b"" != (data := client.socket.recv(65536)):
        body += data
        if len(body) > 65535:
            break
    assert len(body) > 60_000, len(body)


if __name__ == "__main__":
    globals()[sys.argv[2]](int(sys.argv[1]))
    print("ok")
