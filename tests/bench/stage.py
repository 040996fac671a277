"""What the parts of the bench work on: a folder, a registry with a champion of every family, systems that follow it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from tests.bench.load import KEY, Load
from tests.support.servers import MlflowServer, ServerProcess, free_port
from tests.support.system import LocalSystem
from vigie.catalogue import FAMILIES, find_family
from vigie_training.data import sample_texts

KEYS = f"bench:{sha256(KEY.encode()).hexdigest()}:predict+feedback+admin"


class Stage:
    """One run of the bench. `registry` is that of `MLFLOW_TRACKING_URI`, else one of its own, which it fills."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts = sample_texts()
        self.load = Load(folder, self.texts)
        self._server: MlflowServer | None = None

    @cached_property
    def registry(self) -> str:
        """The URL of a registry where every family has a champion, quickly trained unless it was there."""
        given = os.environ.get("MLFLOW_TRACKING_URI")
        if given:
            return given
        home = self.folder / "registry"
        home.mkdir()
        self._server = MlflowServer(home)
        self._server.start(self._server.healthy, seconds=120)
        command = [str(Path(sys.executable).with_name("vigie-train")), "run", "--quick", "--model", "all", "--json"]
        variables = {"VIGIE_HOME": str(home), "MLFLOW_TRACKING_URI": self._server.url}
        subprocess.run(command, env=os.environ | variables, check=True, stdout=subprocess.DEVNULL)
        return self._server.url

    @contextmanager
    def running(self, name: str, *families: str) -> Iterator[LocalSystem]:
        """A system of its own with these families (the starter alone without any), ended afterwards."""
        variables = {"GATEWAY_API_KEYS": KEYS, "GATEWAY_API_KEY": KEY, "MODELS": ",".join(families or ("logreg",))}
        variables |= {f"PREDICTOR_{family.name.upper()}_PORT": str(free_port()) for family in FAMILIES}
        variables["MLFLOW_TRACKING_URI"] = self.registry if families else ""
        system = LocalSystem(self.folder / name, **variables)
        system.start(300)
        try:
            yield system
        finally:
            system.stop()

    def artefact(self, system: LocalSystem, family: str) -> Path:
        """The folder of what the system's predictor of that family serves."""
        (found,) = (system.home / "models" / family).glob("*/manifest.json")
        return found.parent

    @contextmanager
    def another(self, system: LocalSystem, program: str, **further: str) -> Iterator[str]:
        """A second process like one of the system's programs, on a port and in a folder of its own: its URL."""
        original = system.processes()[program]
        family = program.removeprefix("predictor-")
        variable = "GATEWAY_PORT" if program == "gateway" else f"PREDICTOR_{find_family(family).name.upper()}_PORT"
        port = free_port()
        home = self.folder / f"{program}-{port}"
        home.mkdir()
        environment = original.environ() | {variable: str(port), "VIGIE_HOME": str(home)} | further
        process = ServerProcess(original.cmdline(), port=port, log=home / "log", environment=environment)
        process.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stop()

    def stop(self) -> None:
        """Ends the registry, if it is its own."""
        if self._server:
            self._server.stop()
