"""nginx from Debian's packages, in the foreground, with all that it writes in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import wait_for

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""Where nginx is; None: it is not installed."""

_CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {http}
}}
"""


@contextmanager
def nginx(folder: Path, http: str) -> Iterator[None]:
    """Run nginx with the blocks *http* of its configuration; within, it listens."""
    assert NGINX is not None
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, http=http))
    (folder / "nginx.pid").unlink(missing_ok=True)
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL) as child:
        try:
            wait_for((folder / "nginx.pid").exists)  # it listens before it writes that
            yield
        finally:
            child.kill()
