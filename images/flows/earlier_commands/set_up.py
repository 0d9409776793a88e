"""For compose files of 0.1 and before, whose set-up is `python set_up.py` and `python set_up.py demo URL`."""

import runpy
import sys

if sys.argv[1:2] == ["demo"]:
    del sys.argv[1]
    runpy.run_module("flows.demo.save_block", run_name="__main__", alter_sys=True)
else:
    runpy.run_module("flows.orchestration.set_up", run_name="__main__", alter_sys=True)
