# SPDX-License-Identifier: Apache-2.0
"""What others make of the sources. Configures, and builds nothing: that takes minutes."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LIBRARY = ["base", "runtime", "schemas", "storage", "testing"]


class Package(unittest.TestCase):
    def configured(self, *options):
        """A build directory of its own."""
        build = tempfile.mkdtemp(prefix="perdure-package-")
        self.addCleanup(shutil.rmtree, build, ignore_errors=True)
        compiler = os.environ.get("PERDURE_CXX", "c++")
        made = subprocess.run(["cmake", "-S", ROOT, "-B", build, "-G", "Ninja",
                               "-DCMAKE_CXX_COMPILER=" + compiler, *options],
                              capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        return build

    def built_by(self, build, *targets):
        """The archives that are made with targets, by the commands that would be run."""
        shown = subprocess.run(["ninja", "-C", build, "-t", "commands", *targets], text=True,
                               capture_output=True, check=True).stdout
        return sorted(set(re.findall(r" qc \S*libperdure_(\w+)\.a", shown)))

    def installed_by(self, build):
        """The archives that `cmake --install` copies."""
        with open(os.path.join(build, "cmake_install.cmake"), encoding="utf-8") as script:
            return sorted(set(re.findall(r"/libperdure_(\w+)\.a\"", script.read())))

    def test_without_the_server_is_the_library_alone(self):
        build = self.configured("-DPERDURE_SERVER=OFF")
        self.assertEqual(self.installed_by(build), LIBRARY)
        self.assertEqual(self.built_by(build, "perdure_package"), LIBRARY)
        targets = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], text=True,
                                 capture_output=True, check=True).stdout
        self.assertNotIn("api/", targets)

    def test_is_built_by_who_serves(self):
        with open(os.path.join(ROOT, "scripts", "serve"), encoding="utf-8") as script:
            built = re.search(r"^scripts/build release (.*) >&2$", script.read(), re.MULTILINE)
        build = self.configured("-DPERDURE_TESTS=OFF", "-DPERDURE_BENCH=OFF")
        archives = set(self.built_by(build, *built.group(1).split()))
        self.assertLessEqual(set(self.installed_by(build)), archives)
        self.assertIn("actors", archives)

    def test_is_position_independent_code(self):
        build = self.configured("-DPERDURE_SERVER=OFF", "-DPERDURE_TESTS=OFF")
        commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "perdure_package"],
                                  text=True, capture_output=True, check=True).stdout
        compiled = [line for line in commands.splitlines() if " -c " in line]
        self.assertGreater(len(compiled), 50)
        self.assertEqual([line for line in compiled if " -fPIC " not in line], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
