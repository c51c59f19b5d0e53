# SPDX-License-Identifier: Apache-2.0
"""Who may include whom. What is not allowed here is forbidden.

A room includes itself and rooms to its left; each library has one home; the headers that are
installed name neither the storage engine nor the network library; the domain uses the public API.
"""

import re
from pathlib import Path, PurePosixPath

from tree import Finding, without_comments

ROOMS = ["base", "schemas", "storage", "runtime", "actors", "api", "testing"]
INSTALLED = ["base", "schemas", "storage", "runtime", "actors", "testing"]

# The domain is written as an embedder would write it: storage is none of its business.
MAY_INCLUDE = {room: set(ROOMS[:place + 1]) for place, room in enumerate(ROOMS)}
MAY_INCLUDE["actors"].discard("storage")
# The test kit stands beside the domain: it is of the runtime, whose parts it steps.
MAY_INCLUDE["testing"] -= {"actors", "api"}
PRIVATE_HEADERS_OF = {"testing": ["runtime"]}

# First part of an include (a folder, or the whole name), or first two -> where it may stand.
LIBRARY_HOMES = {
    "caf": ["runtime/", "testing/src/"],
    "rocksdb": ["storage/"],
    "boost": ["api/src/http/", "api/src/effects/"],
    "boost/unordered": ["runtime/src/"],
    "openssl": ["base/src/", "api/src/http/"],
    "re2": ["schemas/src/"],
    "unicode": ["base/src/"],
    "sodium.h": ["api/src/app/"],
    "nlohmann": ["schemas/", "runtime/", "actors/", "api/"],
    "fmt": [room + "/" for room in ROOMS],
    "spdlog": ["api/src/"],
    "toml++": ["api/src/"],
    "CLI": ["api/src/"],
    "prometheus": ["api/src/"],
    "zlib.h": ["api/src/http/"],
    "jemalloc": ["api/src/"],
    "ares.h": ["api/src/effects/"],
}

SYSTEM_HEADERS = re.compile(
    r"(sys|linux|netinet|arpa)/\w+\.h|(unistd|fcntl|poll|pthread|sched|signal|dirent|malloc)\.h")
STANDARD_HEADER = re.compile(r"[a-z_0-9]+")

# Everything may look at the rooms; tests and benchmarks also at the libraries.
FREE = ("tests/", "bench/", "examples/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Headers of one sort of store: who includes them chooses it.
ENGINES = {"perdure/storage/rocksdb_store.hpp", "perdure/storage/memory_store.hpp"}
MAY_NAME_AN_ENGINE = ("storage/", "testing/", "api/src/shell/", "runtime/src/runtime.cpp")
HIDDEN = re.compile(r"\b(rocksdb|boost|beast|asio)::|\bnamespace (rocksdb|boost)\b")


def room_of(path):
    first = path.split("/", 1)[0]
    return first if first in ROOMS else None


def check(tree):
    findings = []
    for path in tree.cpp():
        if path.startswith(FREE):
            continue
        room = room_of(path)
        if room is None:
            findings.append(Finding(path, 1, "C++ outside any room"))
            continue
        code = without_comments(tree.text(path))
        for number, line in enumerate(code.splitlines(), start=1):
            if match := INCLUDE.match(line):
                reason = refuse(tree, path, room, match[1], match[2])
                if reason:
                    findings.append(Finding(path, number, f"includes {match[2]}: {reason}"))
            elif is_installed(path) and (match := HIDDEN.search(line)):
                findings.append(Finding(path, number, f"an installed header names {match[0]}"))
    return findings + check_links(tree)


def is_installed(path):
    return any(path.startswith(f"{room}/include/") for room in INSTALLED)


def refuse(tree, path, room, bracket, name):
    """Why `path` may not include `name`, or None."""
    if match := re.match(r"perdure/(\w+)/", name):
        if match[1] not in MAY_INCLUDE[room]:
            return f"{room} may include {sorted(MAY_INCLUDE[room])}"
        if not (tree.root / match[1] / "include" / name).is_file():
            return "no such header"
        if name in ENGINES and not path.startswith(MAY_NAME_AN_ENGINE):
            return "a store comes from a StoreFactory"
        return None
    if bracket == '"':
        return refuse_private(tree, path, room, name)
    if STANDARD_HEADER.fullmatch(name) or SYSTEM_HEADERS.fullmatch(name):
        return None
    parts = PurePosixPath(name).parts
    homes = LIBRARY_HOMES.get("/".join(parts[:2])) or LIBRARY_HOMES.get(parts[0])
    if homes is None:
        return "a library without a home (see LIBRARY_HOMES)"
    if not path.startswith(tuple(homes)):
        return f"its home is {homes}"
    return None


def refuse_private(tree, path, room, name):
    if "/include/" in path:
        return "a public header includes a private one"
    places = [Path(path).parent / name]
    places += [Path(of) / "src" / name for of in [room, *PRIVATE_HEADERS_OF.get(room, [])]]
    if ".." in PurePosixPath(name).parts or not any((tree.root / p).is_file() for p in places):
        return "not a private header of this room"
    return None


def check_links(tree):
    """What a room's library is linked with obeys the same order."""
    findings = []
    for room in ROOMS:
        for path in tree.files:
            if path.startswith(room + "/") and path.endswith("CMakeLists.txt"):
                for number, line in tree.lines(path):
                    for other in re.findall(r"\bperdure::(\w+)", line.split("#")[0]):
                        if other in ROOMS and other not in MAY_INCLUDE[room]:
                            findings.append(Finding(path, number, f"{room} links {other}"))
    return findings


GOOD = {
    "base/include/perdure/base/a.hpp": "#include <string>\n",
    "storage/include/perdure/storage/s.hpp": '// not rocksdb::DB\n#include "perdure/base/a.hpp"\n',
    "storage/src/p.hpp": "#include <rocksdb/db.h>\n#include <sys/stat.h>\n",
    "storage/src/s.cpp": '#include "p.hpp"\n#include "perdure/storage/s.hpp"\n',
    "runtime/src/core.hpp": "#include <boost/unordered/unordered_flat_set.hpp>\n",
    "testing/src/t.cpp": '#include "core.hpp"\n#include <caf/all.hpp>\n',
    "storage/CMakeLists.txt": "target_link_libraries(perdure_storage PUBLIC perdure::base)\n",
    "tests/unit/t.cpp": "#include <rocksdb/db.h>\n",
}
BAD = [
    ({"base/src/b.cpp": '#include "perdure/storage/s.hpp"\n'}, "base may include"),
    ({"actors/src/b.cpp": '#include "perdure/storage/s.hpp"\n'}, "actors may include"),
    ({"runtime/src/b.cpp": "#include <rocksdb/db.h>\n"}, "its home is"),
    ({"runtime/src/b.cpp": "#include <boost/asio.hpp>\n"}, "its home is"),
    ({"runtime/src/b.cpp": "#include <zmq.hpp>\n"}, "without a home"),
    ({"runtime/src/b.cpp": '#include "p.hpp"\n'}, "not a private header"),
    ({"runtime/src/b.cpp": '#include "../../storage/src/p.hpp"\n'}, "not a private header"),
    ({"runtime/src/b.cpp": '#include "perdure/base/none.hpp"\n'}, "no such header"),
    ({"storage/include/perdure/storage/h.hpp": "rocksdb::DB* open();\n"}, "names rocksdb::"),
    ({"storage/include/perdure/storage/rocksdb_store.hpp": "\n",
      "runtime/include/perdure/runtime/h.hpp": '#include "perdure/storage/rocksdb_store.hpp"\n'},
     "comes from a StoreFactory"),
    ({"storage/include/perdure/storage/h.hpp": '#include "p.hpp"\n'}, "includes a private one"),
    ({"api/include/perdure/api/h.hpp": "#include <boost/asio.hpp>\n"}, "its home is"),
    ({"testing/src/b.cpp": '#include "p.hpp"\n'}, "not a private header"),
    ({"runtime/src/b.cpp": '#include "perdure/testing/t.hpp"\n'}, "runtime may include"),
    ({"base/CMakeLists.txt": "perdure_room(base PUBLIC perdure::api)\n"}, "base links api"),
    ({"other/b.cpp": "\n"}, "outside any room"),
]
