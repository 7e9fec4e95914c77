#!/usr/bin/env python3
"""Writes the bill of materials of lsock as CycloneDX 1.5 JSON.

    cargo metadata --format-version 1 --locked | sbom.py DATE >lsock.cdx.json

In: what cargo says of the packages that the lock file holds. Out: lsock and every crate that is built into it, with version, licence,
package URL and checksum, none of what only tests need. The same input gives the same bytes.
"""

import json
import re
import sys
import uuid
from pathlib import Path


def checksums(lock):
    """Returns the SHA-256 of each crate that the lock file names, by name and version."""
    found = {}
    for block in lock.split("[[package]]"):
        facts = dict(re.findall(r'^(\w+) = "([^"]*)"$', block, re.M))
        if "checksum" in facts:
            found[facts["name"], facts["version"]] = facts["checksum"]
    return found


def built_in(metadata):
    """Returns the ids of the root package and of all that are built into it, each with what it depends on."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, waiting = {}, [root]
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        needs = [dep["pkg"] for dep in nodes[package]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
        found[package] = sorted(needs)
        waiting += needs
    return root, found


def component(package, sums):
    """Returns the component of a package as CycloneDX has it."""
    name, version = package["name"], package["version"]
    out = {
        "type": "application" if package["source"] is None else "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "description": package["description"] or "",
        "licenses": [{"expression": (package["license"] or "NOASSERTION").replace("/", " OR ")}],
        "purl": f"pkg:cargo/{name}@{version}",
    }
    if (name, version) in sums:
        out["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
    return out


def main():
    date, metadata = sys.argv[1], json.load(sys.stdin)
    packages = {package["id"]: package for package in metadata["packages"]}
    root, found = built_in(metadata)
    lock = (Path(metadata["workspace_root"]) / "Cargo.lock").read_text()
    sums = checksums(lock)
    refs = {package: f"{packages[package]['name']}@{packages[package]['version']}" for package in found}
    missing = [refs[package] for package in found if package != root and (packages[package]["name"], packages[package]["version"]) not in sums]
    if missing:
        sys.exit(f"sbom.py: no checksum in Cargo.lock: {' '.join(missing)}")
    json.dump(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock)}",
            "version": 1,
            "metadata": {"timestamp": f"{date}T00:00:00Z", "component": component(packages[root], sums)},
            "components": [component(packages[package], sums) for package in sorted(found, key=refs.get) if package != root],
            "dependencies": [{"ref": refs[package], "dependsOn": [refs[need] for need in found[package]]} for package in sorted(found, key=refs.get)],
        },
        sys.stdout,
        indent=2,
    )
    print()


if __name__ == "__main__":
    main()
