"""Where tests and their servers keep files: in memory where there is plenty, as every commit waits for a disk otherwise.

What is proven about disks is proven by the fault shim of `madang_proof.testbed`, by `disks.py` and by SIGKILL, all of which
see the same calls either way.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30  # bytes free; three workers have some 300 MB each in databases at most


def keep_files_in_memory() -> None:
    """Let `tempfile` and pytest's `tmp_path` use memory, unless somebody chose a place or it will not do."""
    if os.environ.keys() & {"TMPDIR", "PYTEST_DEBUG_TEMPROOT"} or not MEMORY.is_dir():
        return
    runs_programs = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC  # some tests set up a clone there, and run it
    if runs_programs and shutil.disk_usage(MEMORY).free >= ENOUGH and os.access(MEMORY, os.W_OK):
        tempfile.tempdir = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)
