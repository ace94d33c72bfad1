"""Every scenario there is."""

from tests.chaos import clocks as clocks
from tests.chaos import disks as disks
from tests.chaos import freezes as freezes
from tests.chaos import kills as kills
from tests.chaos import network as network
from tests.chaos import overload as overload
from tests.chaos import ticks as ticks
from tests.chaos.scenario import SCENARIOS as SCENARIOS
