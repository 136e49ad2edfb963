"""``python -I -S bench/launch.py COMMAND…`` runs a command and prints what it took: wall seconds, processor seconds,
peak resident KiB, exit code. What the command itself says on standard output goes nowhere.

A process inherits the peak memory of the one that started it, so this one is as small as an interpreter can be.
"""

import os
import sys
import time

command = sys.argv[1:]
nowhere = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
started = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ, file_actions=[nowhere])
_, status, usage = os.wait4(pid, 0)
elapsed = time.perf_counter() - started
print(elapsed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
