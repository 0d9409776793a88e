"""For compose files of 0.1 and before, whose demonstration is `python demo_site.py PERSON DATA PORT`."""

import runpy

runpy.run_module("flows.demo.site", run_name="__main__", alter_sys=True)
