# SPDX-License-Identifier: Apache-2.0
"""The README's session, pasted as a newcomer would.

The session is the `sh` block that follows the line `<!-- session -->` in README.md. It may use
`$KEY` and the address http://127.0.0.1:8080, which is replaced by the one of the test's server.
"""

import os
import re
import subprocess
import unittest

from harness import CALL_TIMEOUT_S, BlackBoxTest, clean_environment

README = os.path.join(os.path.dirname(__file__), "..", "..", "README.md")
SESSION = re.compile(r"<!-- session -->\s*```sh\n(.*?)```", re.DOTALL)


class Readme(BlackBoxTest):
    def session(self):
        if not os.path.exists(README):
            self.skipTest("there is no README.md yet")
        with open(README, encoding="utf-8") as file:
            found = SESSION.search(file.read())
        if not found:
            self.skipTest("README.md marks no session")
        return found.group(1)

    def test_session_works_as_it_stands(self):
        session = self.session()
        server = self.server(key=None).start()
        key = server.lines[0].rsplit(" ", 1)[1]
        address = f"http://{server.host}:{server.port}"
        # curl alone succeeds whatever the status is.
        script = 'curl() { command curl --fail-with-body "$@"; }\n'
        script += session.replace("http://127.0.0.1:8080", address)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True,
                              capture_output=True, timeout=CALL_TIMEOUT_S, check=False,
                              cwd=self.directory, env=clean_environment({"KEY": key}))
        self.assertEqual(done.returncode, 0, script + done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
