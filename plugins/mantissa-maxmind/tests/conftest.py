from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for mmdb_file: importlib mode does not put tests on the path
