"""What the network policies allow, as arrows: who may open a connection to whom, on which port."""

from collections.abc import Iterator
from typing import Any

Arrow = tuple[str, str, int]
Document = dict[str, Any]

OUTSIDE = "outside"
DNS_PORT = 53


def allowed(documents: list[Document]) -> set[Arrow]:
    """Arrows that both ends allow; `outside` is an end that is no pod of ours."""
    pods = dict(labelled(documents))
    leaving, arriving = set(sides(documents, pods, "Egress")), set(sides(documents, pods, "Ingress"))
    return {arrow for arrow in leaving | arriving if OUTSIDE in arrow} | (leaving & arriving)


def one_sided(documents: list[Document]) -> set[Arrow]:
    """Arrows between pods that one end allows and the other does not."""
    pods = dict(labelled(documents))
    leaving, arriving = set(sides(documents, pods, "Egress")), set(sides(documents, pods, "Ingress"))
    return {arrow for arrow in leaving ^ arriving if OUTSIDE not in arrow}


def labelled(documents: list[Document]) -> Iterator[tuple[str, dict[str, str]]]:
    """(name, labels) of the pods of every workload."""
    for document in documents:
        spec = document.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            labels = template["metadata"]["labels"]
            yield labels["app.kubernetes.io/name"], labels


def sides(documents: list[Document], pods: dict[str, dict[str, str]], side: str) -> Iterator[Arrow]:
    """What the policies say of one side, DNS left out."""
    for document in documents:
        if document["kind"] != "NetworkPolicy":
            continue
        ours = [name for name, labels in pods.items() if selects(document["spec"]["podSelector"], labels)]
        for rule in document["spec"].get(side.lower(), []):
            others = list(peers(rule.get("to" if side == "Egress" else "from"), pods))
            for port in [entry["port"] for entry in rule["ports"] if entry["port"] != DNS_PORT]:
                pairs = [(own, other) for own in ours for other in others]
                yield from ((own, other, port) if side == "Egress" else (other, own, port) for own, other in pairs)


def peers(said: list[Document] | None, pods: dict[str, dict[str, str]]) -> Iterator[str]:
    """Names of the pods meant; `outside` for everybody, addresses and other namespaces."""
    for peer in said or [{}]:
        if "podSelector" in peer:
            yield from (name for name, labels in pods.items() if selects(peer["podSelector"], labels))
        else:
            yield OUTSIDE


def selects(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a label selector means a pod with these labels."""
    exact = selector.get("matchLabels", {}).items()
    any_of = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in any_of), any_of
    return all(labels.get(key) == value for key, value in exact) and all(
        labels.get(expression["key"]) in expression["values"] for expression in any_of
    )
