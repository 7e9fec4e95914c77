#!/usr/bin/env python3
"""Writes the image of the sidecar, lsock and nothing else, for several processors in one tar.

    image.py NAME:TAG SECONDS OUT.tar ARCHITECTURE=FILE...

In: the image's name, the time that stands for its making, and the file of each processor as OCI names them (amd64, arm64, 386).
Out: an OCI image layout (`ctr image import`, an engine whose store is containerd's) that is also what `docker save` writes, for
engines whose store is their own: to those NAME:TAG is the first processor's, and NAME:TAG-ARCHITECTURE each one's. The same
input gives the same bytes.
"""

import hashlib
import io
import json
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def tar_of(files, seconds):
    """Returns a tar of `files`, pairs of a name and a mode and bytes, owned by root and of one time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, mode, content in files:
            member = tarfile.TarInfo(name)
            member.mode, member.mtime, member.size = mode, seconds, len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class Blobs:
    """The blobs of a layout, by digest."""

    def __init__(self):
        self.all = {}

    def add(self, kind, content, **more):
        """Keeps `content` and returns its descriptor."""
        if not isinstance(content, bytes):
            content = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(content).hexdigest()
        self.all[digest] = content
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content), **more}


def path(descriptor):
    """Returns the place of a blob in the layout."""
    return "blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")


def main():
    name, seconds, out, *binaries = sys.argv[1:]
    seconds = int(seconds)
    made = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    blobs, manifests, saved = Blobs(), [], []
    for binary in binaries:
        architecture, _, file = binary.partition("=")
        layer = tar_of([("lsock", 0o755, Path(file).read_bytes())], seconds)
        rows = {"mediaType": LAYER, "layer": blobs.add(LAYER, layer)}
        config = blobs.add(CONFIG, {
            "created": made,
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/lsock"], "Labels": {"org.opencontainers.image.title": "lsock", "org.opencontainers.image.version": name.rpartition(":")[2]}},
            "rootfs": {"type": "layers", "diff_ids": [rows["layer"]["digest"]]},
            "history": [{"created": made, "created_by": "ci/release"}],
        })
        manifests.append(blobs.add(MANIFEST, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [rows["layer"]]},
                                   platform={"architecture": architecture, "os": "linux"}))
        tags = [f"{name}-{architecture}"] + ([] if saved else [name])
        saved.append({"Config": path(config), "RepoTags": tags, "Layers": [path(rows["layer"])]})
    index = blobs.add(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests},
                      annotations={"io.containerd.image.name": f"docker.io/library/{name}", "org.opencontainers.image.ref.name": name.rpartition(":")[2]})
    files = [("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [index]}), ("manifest.json", saved)]
    files = [(file, 0o644, json.dumps(content, sort_keys=True).encode()) for file, content in files]
    files += [(f"blobs/sha256/{digest}", 0o644, blobs.all[digest]) for digest in sorted(blobs.all)]
    Path(out).write_bytes(tar_of(files, seconds))


if __name__ == "__main__":
    main()
