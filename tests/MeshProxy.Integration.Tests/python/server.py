"""An HTTP/2 server by python3-h2 on a Unix socket: server.py SOCKET. What it does is in the request's path; it says each request."""
import socket
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

Code = h2.settings.SettingCodes
connections = 0


class Connection:
    def __init__(self, peer, number):
        self.peer, self.number = peer, number
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values={Code.INITIAL_WINDOW_SIZE: 3000, Code.MAX_CONCURRENT_STREAMS: 10})
        self.paths, self.bodies, self.waiting = {}, {}, {}

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        try:
            while data := self.peer.recv(65536):
                for event in self.h2.receive_data(data):
                    self.on(event)
                self.write()
                self.flush()
        except (OSError, h2.exceptions.ProtocolError) as e:
            print(f"connection {self.number}: {e!r}", flush=True)
        self.peer.close()

    def flush(self):
        self.peer.sendall(self.h2.data_to_send())

    def on(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.paths[event.stream_id] = dict(event.headers)[":path"]
            self.bodies[event.stream_id] = b""
            print(f"connection {self.number}: {self.paths[event.stream_id]}", flush=True)
            self.begin(event.stream_id, self.paths[event.stream_id])
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.end(event.stream_id, self.paths[event.stream_id])
        elif isinstance(event, h2.events.StreamReset):
            print(f"connection {self.number}: reset {self.paths[event.stream_id]}", flush=True)
            self.waiting.pop(event.stream_id, None)

    def begin(self, stream, path):
        kind, _, rest = path[1:].partition("/")
        if kind == "reset":             # before a head
            self.h2.reset_stream(stream, int(rest))
            self.paths[stream] = "/done"
        elif kind == "cut":             # in the body
            self.h2.send_headers(stream, [(":status", "200")])
            self.h2.send_data(stream, b"some of it")
            self.h2.reset_stream(stream, int(rest))
            self.paths[stream] = "/done"
        elif kind == "settings":        # in the upload: windows, table and frames change
            self.h2.update_settings({Code.INITIAL_WINDOW_SIZE: int(rest), Code.HEADER_TABLE_SIZE: 0, Code.MAX_FRAME_SIZE: 20_000})

    def end(self, stream, path):
        kind = path[1:].partition("/")[0]
        if kind == "done":
            return
        if kind == "refused" and self.number == 1:
            # GOAWAY that says this stream was not looked at: it may go elsewhere.
            self.h2.close_connection(last_stream_id=stream - 2 if stream > 1 else 0)
            return
        self.h2.send_headers(stream, [(":status", "200"), ("x-connection", str(self.number))])
        self.waiting[stream] = self.bodies[stream] or b"answer"

    def write(self):
        for stream in list(self.waiting):
            while rest := self.waiting[stream]:
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(rest))
                if room == 0:
                    break
                self.h2.send_data(stream, rest[:room], pad_length=None)
                self.waiting[stream] = rest[room:]
            if not self.waiting[stream]:
                self.h2.end_stream(stream)
                del self.waiting[stream]


def main(path):
    global connections
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    while True:
        peer, _ = listener.accept()
        # Whoever only looks whether somebody listens, as the tests do, is no connection.
        if peer.recv(1, socket.MSG_PEEK) == b"":
            peer.close()
            continue
        connections += 1
        threading.Thread(target=Connection(peer, connections).run, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
