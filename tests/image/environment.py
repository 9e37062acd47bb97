"""The environment that a compose file or a manifest gives to callcache: NAME=value, a line each."""

import sys
import yaml


def containers(node):
    """Every mapping that describes a container or a service of the image callcache."""
    if isinstance(node, dict):
        if node.get("image") == "callcache":
            yield node
        node = node.values()
    elif not isinstance(node, list):
        return
    for part in node:
        yield from containers(part)


def variables(container):
    given = container.get("env") or container.get("environment") or {}
    return given.items() if isinstance(given, dict) else ((v["name"], v["value"]) for v in given)


for document in yaml.safe_load_all(open(sys.argv[1])):
    for container in containers(document):
        for name, value in variables(container):
            # As compose does it: ${NAME:-default}
            if value.startswith("${") and ":-" in value:
                value = value[:-1].split(":-", 1)[1]
            print(f"{name}={value}")
