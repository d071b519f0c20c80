"""JupyterHub's configuration for a class; hub.md says how it is used, and why it says what it says."""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821 (JupyterHub gives it to this file)

programs = str(Path(sys.executable).parent)  # of the environment that JupyterHub runs from, which the class shares

c.JupyterHub.bind_url = "http://:8000"
c.Authenticator.allow_all = True  # whoever has an account on this machine
c.ConfigurableHTTPProxy.command = [f"{programs}/configurable-http-proxy"]

c.Spawner.cmd = [sys.executable, "-m", "helpers", "hub"]  # opens lesson 0 in ~/style-transfer
c.Spawner.environment = {
    "PATH": f"{programs}:{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",  # one processor for each run, or those of a class get in each other's way
}
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600"
]  # a lesson that nobody has open gives its memory back
