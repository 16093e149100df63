"""A small company that produces logs, and the attacks hidden in them.

``simulate`` gives a :class:`Scenario` of some days with planted attacks and the truth about them; ``write`` puts it on
disk as the vendors deliver it; ``cloudtrail_stream`` yields any number of CloudTrail events for benchmarks,
``aws_logs`` the files of AWS's other logs; ``varied`` and ``write_examples`` make the background of any log type of its
examples. Nothing reads a clock or a network: the same arguments give the same bytes, in every process. See
``docs/simulator.md``.
"""

from .aws_logs import aws_logs
from .examples import varied, write_examples
from .scenario import Scenario, cloudtrail_stream, simulate
from .write import Written, write

__all__ = ["Scenario", "Written", "aws_logs", "cloudtrail_stream", "simulate", "varied", "write", "write_examples"]
