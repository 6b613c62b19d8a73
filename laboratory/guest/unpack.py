"""Puts the files below /root/build in their places one by one, as dpkg does: all, the first half or the rest."""

from __future__ import annotations

import os
import shutil
import sys

os.chdir("/root/build")
names = sorted(os.path.join(directory, name) for directory, _, files in os.walk(".") for name in files)
half = len(names) // 2
for name in {"all": names, "first": names[:half], "rest": names[half:]}[sys.argv[1]]:
    place = os.path.join("/", name)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    shutil.copy2(name, place + ".new")
    os.replace(place + ".new", place)
