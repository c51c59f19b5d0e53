# SPDX-License-Identifier: Apache-2.0
"""The judge of isolation can fail: servers of a few lines that are not fair are reported."""

import os
import socket
import tempfile
import threading
import time
import unittest

import probes
from isolation import SHORT, Attack, Group, Owner, Size, SteadyProbe, judge, measure, request

SECONDS = 0.6
TRIES = 4
LONG_S = 1.3  # more than anybody may wait
SLOW_S = 0.1
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
IN_CHUNKS = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"5\r\nHTTP/\r\n1;x=y\r\n\n\r\n0\r\nTrailer: x\r\n\r\n")


class StubServer:
    """Answers each request with what `answer(path)` gives, None being no answer; each connection
    has a thread, and they meet in what `answer` does."""

    def __init__(self, answer):
        self.answer = answer
        self.pid = os.getpid()
        self.process = self
        self.data_dir = os.path.join(tempfile.gettempdir(), "there-is-no-such-directory")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
        except OSError:
            pass  # closed

    def serve(self, connection):
        received = b""
        try:
            with connection:
                while data := connection.recv(4096):
                    received += data
                    while b"\r\n\r\n" in received:
                        head, _, received = received.partition(b"\r\n\r\n")
                        if answer := self.answer(head.split()[1].decode()):
                            connection.sendall(answer)
        except OSError:
            pass  # the client ended

    def poll(self):
        return None

    def logs(self):
        return ""

    def discard(self):
        self.listener.close()


class StubWorld:
    admin = Owner("admin", "key")
    probe = Owner("probe", "key")
    attacker = Owner("attacker", "key")
    spread = (attacker, Owner("another", "key"))
    known = frozenset()

    def __init__(self, answer):
        self.answer = answer

    def start(self, settings):
        return StubServer(self.answer)


def quick_probe(scene):
    return SteadyProbe(scene, [Group("read", [request("GET", "/quick")], 8, rate=100)])


def slow_requests(scene):
    return [Group("slow", [request("GET", "/slow")], connections=8)]


ATTACK = Attack("slow", "8 clients ask for what is slow", slow_requests, probe=quick_probe,
                calm="alone", memory_mib=4_000)


class Judge(unittest.TestCase):
    def misses(self, answer, attack=ATTACK, seconds=SECONDS):
        world = StubWorld(answer)
        self.passes = [measure(world, attack, Size(seconds), how)
                       for how in (attack.calm, "attacked")]
        calm, attacked = self.passes
        return [miss.what for miss in judge(attack, [calm], [attacked], SHORT)]

    def in_one_line(self):
        """All wait for the one that is served."""
        line = threading.Lock()

        def answer(path):
            with line:
                time.sleep(SLOW_S if path == "/slow" else 0)
            return ANSWER

        return answer

    def side_by_side(self, path):
        time.sleep(SLOW_S if path == "/slow" else 0)
        return ANSWER

    def test_server_that_serves_all_in_one_line_is_reported(self):
        misses = self.misses(self.in_one_line(), seconds=LONG_S)
        self.assertEqual(len(misses), 1, misses)
        self.assertIn("p99 of read", misses[0])

    def test_server_that_serves_clients_side_by_side_is_not_reported(self):
        # A busy machine delays one of a few tries.
        tries = (self.misses(self.side_by_side) for _ in range(TRIES))
        self.assertIn([], tries)
        self.assertGreater(self.passes[1].answers()["200"], 8)

    def test_requests_of_the_probe_that_fail_are_reported(self):
        attacked = threading.Event()

        def answer(path):
            if path == "/slow":
                attacked.set()
            return BUSY if attacked.is_set() else ANSWER

        self.assertTrue(any("failed" in miss for miss in self.misses(answer)))

    def test_server_that_falls_silent_is_reported_with_the_time_that_passed(self):
        attacked = threading.Event()

        def answer(path):
            if path == "/slow":
                attacked.set()
            return None if attacked.is_set() else ANSWER

        self.assertIn("p99 of read", self.misses(answer, seconds=LONG_S)[0])
        row = self.passes[1].probe["read"]
        self.assertGreater(row["p99_ms"], 0.8 * LONG_S * 1_000)
        self.assertGreater(row["count"], 0.8 * 100 * LONG_S)

    def test_server_that_stops_for_all_is_reported_though_calm_is_no_better(self):
        def answer(path):
            time.sleep(1.2)
            return ANSWER

        self.assertIn("of 1000.0", self.misses(answer, seconds=LONG_S)[0])

    def test_memory_past_the_bound_is_reported(self):
        small = Attack("slow", "", slow_requests, probe=quick_probe, calm="alone", memory_mib=1)
        self.assertIn(" MiB, of 1", self.misses(self.side_by_side, small)[-1])

    def test_answers_in_chunks_are_counted_once(self):
        self.misses(lambda path: IN_CHUNKS)
        for measured in self.passes:
            row = measured.probe["read"]
            self.assertEqual(row["answers"], {"200": row["count"] - row["pending"]})

    def test_samples_that_do_not_end_count_with_the_time_that_passed(self):
        begun = time.monotonic()
        stuck = probes.Sampling("job", begin=lambda: None,
                                ended=lambda _: begun if time.monotonic() < begun else None)
        row = stuck.run(SECONDS)["job"]
        self.assertEqual(row["pending"], row["count"])
        self.assertGreater(row["max_ms"], 0.9 * SECONDS * 1_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
