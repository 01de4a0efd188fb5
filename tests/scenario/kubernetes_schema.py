"""Reads Kubernetes documents (YAML) on standard input and holds them against the types of the API,
as python3-kubernetes has them: keys that a type has not, values of another type, what is required
and not there. Writes {"documents": […], "findings": […]}. Run with Debian's python3."""
import json
import re
import sys

import yaml
from kubernetes.client import models

CLASSES = {"v1": "V1", "apps/v1": "V1", "policy/v1": "V1", "networking.k8s.io/v1": "V1"}
PLAIN = {"str": str, "int": int, "bool": bool, "object": (str, int, dict, list)}


def check(value, type_, at, findings):
    inner = re.fullmatch(r"list\[(.*)\]", type_)
    if inner:
        if not isinstance(value, list):
            return findings.append(f"{at}: is no list")
        for i, v in enumerate(value):
            check(v, inner[1], f"{at}[{i}]", findings)
        return None
    inner = re.fullmatch(r"dict\(str, (.*)\)", type_)
    if inner:
        if not isinstance(value, dict):
            return findings.append(f"{at}: is no mapping")
        for k, v in value.items():
            check(v, inner[1], f"{at}.{k}", findings)
        return None
    if type_ in PLAIN:
        wrong = not isinstance(value, PLAIN[type_]) or (type_ == "int" and isinstance(value, bool))
        return findings.append(f"{at}: {value!r} is no {type_}") if wrong else None
    cls = getattr(models, type_, None)
    if cls is None:
        return findings.append(f"{at}: the type {type_} is not known here")
    if not isinstance(value, dict):
        return findings.append(f"{at}: is no mapping")
    names = {name: attribute for attribute, name in cls.attribute_map.items()}
    given = {}
    for key, v in value.items():
        if key not in names:
            findings.append(f"{at}.{key}: {type_} has no such key")
        else:
            check(v, cls.openapi_types[names[key]], f"{at}.{key}", findings)
            given[names[key]] = v
    try:
        cls(**given)
    except ValueError as e:
        findings.append(f"{at}: {e}")
    return None


def main():
    documents = [d for d in yaml.safe_load_all(sys.stdin) if d is not None]
    findings = []
    for d in documents:
        at = f"{d.get('kind')}/{d.get('metadata', {}).get('name')}"
        if d.get("apiVersion") in CLASSES:
            check(d, CLASSES[d["apiVersion"]] + d["kind"], at, findings)
        elif d.get("apiVersion") != "monitoring.coreos.com/v1":
            findings.append(f"{at}: the version {d.get('apiVersion')} is not known here")
    json.dump({"documents": documents, "findings": findings}, sys.stdout)


main()
