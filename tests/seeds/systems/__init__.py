# SPDX-License-Identifier: Apache-2.0
"""The five systems, in the order of docs/seeds.md."""

from systems.aidevos import AIDEVOS
from systems.consilium import CONSILIUM
from systems.contextos import CONTEXTOS
from systems.deviseos import DEVISEOS
from systems.selfos import SELFOS

SYSTEMS = [DEVISEOS, CONTEXTOS, SELFOS, CONSILIUM, AIDEVOS]
