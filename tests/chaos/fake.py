"""A wall clock for one process, by libfaketime."""

import glob
import os

from hosts import Failure


class Clock:
    def __init__(self, name):
        preload = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
        if not preload:
            raise Failure("there is no libfaketimeMT.so.1; install faketime (make deps-dev)")
        self.folder = f"/run/{name}"
        os.makedirs(self.folder, exist_ok=True)
        variables = {
            "LD_PRELOAD": preload[0],
            "FAKETIME_TIMESTAMP_FILE": f"{self.folder}/time",
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.prefix = ["env", *(f"{key}={value}" for key, value in variables.items())]  # of the process's command
        self.jump("+0")

    def jump(self, offset):
        """The clock differs by so much from now on: "+1d"."""
        with open(f"{self.folder}/new", "w", encoding="ascii") as file:
            file.write(f"{offset}\n")
        os.rename(f"{self.folder}/new", f"{self.folder}/time")
