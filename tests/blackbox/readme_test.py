# SPDX-License-Identifier: Apache-2.0
"""The README's session, pasted as a newcomer would.

The session is every `sh` block of README.md's section "A session to paste". `scripts/serve`, which
would build first, is replaced by the program under test on a port and with data of its own.
"""

import os
import re
import signal
import socket
import subprocess
import unittest

from harness import BINARY, BlackBoxTest, clean_environment

README = os.path.join(os.path.dirname(__file__), "..", "..", "README.md")
SECTION = re.compile(r"^## A session to paste\n(.*?)^## ", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)

# What fails is seen; the one request that is meant to fail says so with its misspelt member.
PRELUDE = r"""
curl() { command curl --fail-with-body "$@" || [[ "$*" == *titel* ]]; }
scripts/serve() {
  mkdir -p build/run
  "$BINARY" serve --data-dir data --listen 127.0.0.1:8080 > said 2>> log &
  echo $! > build/run/perdure.pid
  for _ in $(seq 600); do
    grep -q '^listening' said && return
    sleep 0.05
  done
  cat log >&2
  return 1
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Readme(BlackBoxTest):
    def test_session_works_as_it_stands(self):
        with open(README, encoding="utf-8") as file:
            section = SECTION.search(file.read()).group(1)
        blocks = BLOCK.findall(section)
        self.assertGreaterEqual(len(blocks), 6)
        script = (PRELUDE + "".join(blocks)).replace("127.0.0.1:8080", f"127.0.0.1:{free_port()}")
        self.addCleanup(self.stop_server)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True,
                              capture_output=True, timeout=120, check=False, cwd=self.directory,
                              env=clean_environment({"BINARY": BINARY}))
        self.assertEqual(done.returncode, 0, script + done.stdout + done.stderr)
        said = done.stdout
        self.assertEqual(said.count('"content":"Rain."'), 1)  # read after the kill
        values = re.findall(r"^\d+$", said, re.MULTILINE)
        self.assertEqual(values, ["1", "6", "6", "6", "1006", "6"])
        self.assertIn('"code":"validation_failed"', said)
        self.assertIn("event: job.created", said)
        self.assertIn('"outcome":"succeeded"', said)

    def stop_server(self):
        try:
            with open(self.path("build/run/perdure.pid"), encoding="utf-8") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
