"""A hub of models that answers on this machine, and its cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from huggingface_hub import constants

COMMIT = "a" * 40


def put_in_cache(cache: Path, name: str, folder: Path) -> Path:
    """As if the hub's model ``name`` had been downloaded; returns where its files are then."""
    place = cache / f"models--{name.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(folder, place / "snapshots" / COMMIT))


def offline(monkeypatch, cache: Path) -> None:
    """Have the hub's client use this cache, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


class _Answer(BaseHTTPRequestHandler):
    models: Mapping[str, Path]
    gated: tuple[str, ...]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        owner, name, *rest = self.path.removeprefix("/api/models").strip("/").split("/")
        folder = self.models.get(f"{owner}/{name}")
        if folder is None:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        if not rest:
            siblings = [{"rfilename": path.name} for path in folder.iterdir()]
            about = {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": siblings}
            return self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})
        if f"{owner}/{name}" in self.gated:
            return self._send(403, b"", {"X-Error-Code": "GatedRepo"})
        content = (folder / rest[-1]).read_bytes()
        return self._send(200, content, {"ETag": f'"{rest[-1]}"', "X-Repo-Commit": COMMIT})

    do_HEAD = do_GET

    def _send(self, code: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_) -> None:
        """Nothing."""


@contextmanager
def hub(monkeypatch, cache: Path, models: Mapping[str, Path], gated=()) -> Iterator[list[str]]:
    """A hub with ``models`` (id -> folder); yields the list of the paths that it is asked for."""
    asked: list[str] = []
    kind = type("Answer", (_Answer,), {"models": models, "gated": gated, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
