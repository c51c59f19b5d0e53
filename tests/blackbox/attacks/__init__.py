# SPDX-License-Identifier: Apache-2.0
"""All attacks. A new one is a function and a line in the ATTACKS of its file."""

from attacks import bodies, connections, live, objects, strangers, work

ALL = [attack for part in (bodies, objects, connections, live, work, strangers)
       for attack in part.ATTACKS]
