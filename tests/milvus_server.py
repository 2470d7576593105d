"""A Milvus of the tests' own: that of PyPI's package, which brings the server."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "root", "Milvus"
"""Those of every new server."""
_UNPACK = """
import sys, milvus
folder, port = sys.argv[1:3]
configuration = milvus.MilvusServerConfig(data_dir=folder, proxy_port=int(port))
for setting in sys.argv[3:]:
    configuration.set(*setting.split("="))
configuration.resolve()
milvus._initialize_data_files(folder)
"""
"""In a process of its own, since it leaves sockets open."""
_SETTINGS = (
    "queryCoord.checkInterval=50",
    "queryCoord.distPullInterval=50",
    "queryNode.stats.publishInterval=100",
    "proxy.timeTickInterval=50",
    "log.level=error",
    "common.security.authorizationEnabled=true",
    "common.session.ttl=3",
)
"""Users must name themselves, and little is waited for."""
_PORTS = (
    "rootCoord.port",
    "dataCoord.port",
    "queryCoord.port",
    "proxy.internalPort",
    "dataNode.port",
    "indexNode.port",
    "queryNode.port",
)
"""Otherwise two servers that begin at once want the same of these, too."""
_ETCD = """
name: default
data-dir: {folder}/data/etcd.data
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
"""


def require() -> None:
    """Skip what needs a server where none is installed."""
    if importlib.util.find_spec("milvus") is None:
        pytest.skip("needs PyPI's milvus")


class Server:
    """A server with nothing in it, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port, self._health = _free_port(), _free_port()
        ports = [f"{part}={_free_port()}" for part in _PORTS]
        subprocess.run([sys.executable, "-c", _UNPACK, folder, str(self.port), *_SETTINGS, *ports], check=True)
        etcd = folder / "etcd.yaml"
        etcd.write_text(_ETCD.format(folder=folder, client=_free_port(), peer=_free_port()))
        self._environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "ETCD_CONFIG_PATH": str(etcd),  # otherwise two servers on a machine want the same ports
            "LD_LIBRARY_PATH": str(folder / "bin"),
            "METRICS_PORT": str(self._health),
            "MILVUS_RUN_DIR": str(folder / "run"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What `--store` takes."""
        return f"milvus://{USER}@127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._folder / "bin" / "milvus", "run", "standalone"],
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(1200):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._health}/healthz") as answer:
                if b"OK" in answer.read():
                    return self
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.05)
        raise AssertionError("the server does not come up")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
