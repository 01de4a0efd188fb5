"""What a version's golden files hold, for who makes them (scripts/make-golden) and who opens them
(test_golden.py)."""
import json

import rig
from rig import SERVICES

__all__ = ["SERVICES", "said", "journal_heads"]

# of a member of a ranking: what no later version may tell otherwise
MEMBER = ("points", "max", "percent", "rank", "nation_rank", "revision", "as_of")


def journal_heads(text):
    """Of `chiso verify`: {service: its line about the journal}."""
    return {line.partition(":")[0]: line for line in text.splitlines() if ": journal " in line}


def said(r, catalog=rig.CATALOG):
    """Results, history, quarantine, dead letters and journals of a running installation."""
    rankings = {}
    for (period, level, parent), units in r.all_rankings().items():
        rankings[f"{period}/{level}/{parent}"] = {
            code: {**{k: u[k] for k in MEMBER}, "name": u["name"],
                   "pillars": {p["code"]: p["points"] for p in u["pillars"]}}
            for code, u in units.items()}
    code, out, err = rig.run([rig.BIN / "chiso", "verify", "--index", catalog,
                              *(a for s in SERVICES for a in (f"--{s}", r.data_dir(s)))])
    if code != 0:
        raise AssertionError(f"chiso verify: exit {code}\n{out}{err}")
    return json.loads(json.dumps({
        "rankings": rankings,
        "history": [{k: h[k] for k in ("revision", "points", "as_of")} for h in r.history("24")],
        "quarantine": [{k: q[k] for k in ("number", "series", "rule", "reason", "first_at")}
                       for q in r.quarantine()],
        "dead": [{k: d[k] for k in ("target", "key", "at")} for d in r.dead_letters()],
        "journals": journal_heads(out)}))
