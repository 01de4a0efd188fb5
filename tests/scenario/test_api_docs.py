"""docs/api/openapi.json and asyncapi.json against what the services really answer."""
import json
import unittest

import jsonschema

import rig
from rig import INDEX, ROOT, request

OPENAPI = json.loads((ROOT / "docs/api/openapi.json").read_text(encoding="utf-8"))
ASYNCAPI = json.loads((ROOT / "docs/api/asyncapi.json").read_text(encoding="utf-8"))


def check(document, schema, value, where):
    """Does the value have the form that the document says?"""
    schema = {**schema, "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(value):
        raise AssertionError(f"{where}: {error.json_path}: {error.message[:300]}")


def resolve(node):
    while "$ref" in node:
        at = OPENAPI
        for part in node["$ref"][2:].split("/"):
            at = at[part]
        node = at
    return node


class Documents(rig.Case):
    # what the queries of an operation may be as well as those that are required
    MORE = {"ranking": ["level=commune&parent=91&limit=3", "as_of=AT", "level=commune"],
            "pillar": ["as_of=AT"], "indicator": ["limit=1"], "trend": ["days=2&limit=2"],
            "compare": ["as_of=AT"], "changesBetween": ["until=AT"], "result": ["as_of=AT"],
            "history": ["pillars=true", "step=day", "limit=1"], "unit": ["as_of=AT"],
            "figure": ["period=2025"], "changes": ["limit=1000", "type=source", "type=ranking"],
            "embed": ["unit=24&limit=2"]}

    def test_openapi(self):
        self.assertTrue(OPENAPI["openapi"].startswith("3.1."))
        for name, schema in OPENAPI["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
        r = self.rig()
        r.more_indexes = [str(ROOT / "catalogs/hp-par-2025.yaml")]
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        at = r.unit("24")["as_of"]
        self.assertEqual(request(f"{r.url}/api/v1/openapi.json").json(), OPENAPI)
        self.assertEqual(request(f"{r.url}/api/v1/asyncapi.json").json(), ASYNCAPI)
        ids = set()
        for path, item in OPENAPI["paths"].items():
            operation = item["get"]
            self.assertNotIn(operation["operationId"], ids)
            ids.add(operation["operationId"])
            queries = ["", *self.MORE.get(operation["operationId"], [])]
            for query in queries:
                with self.subTest(path=path, query=query):
                    self.check_operation(r, path, operation, query.replace("AT", at))
        self.check_problems(r)

    def check_operation(self, r, path, operation, query):
        address, required = path, []
        parameters = [resolve(p) for p in operation["parameters"]]
        for p in parameters:
            if p["in"] == "path":
                address = address.replace("{" + p["name"] + "}", p["example"])
            elif p.get("required"):
                required.append(f"{p['name']}={p['example']}")
        known = {p["name"] for p in parameters if p["in"] == "query"}
        asked = {part.split("=")[0] for part in query.split("&") if part}
        self.assertLessEqual(asked, known)
        url = f"{r.url}{address}?{'&'.join([*required, *([query] if query else [])])}"
        if operation["operationId"] == "events":
            return
        answer = request(url)
        wanted = 404 if operation["operationId"] == "raw" else 200  # no such body
        self.assertEqual(answer.status, wanted, answer.body[:300])
        self.check_answer(operation, answer, url)
        if wanted == 200:
            for name in resolve(operation["responses"]["200"]).get("headers", {}):
                self.assertIn(name.lower(), answer.headers)
            head = request(url, "HEAD")
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.headers["content-type"], answer.headers["content-type"])
            if known:
                misspelt = request(f"{url}&asof=2025-10-12")
                self.assertEqual(misspelt.status, 400)
                self.assertEqual(set(misspelt.json()["detail"].split(" of ")[1].split()), known)
            again = request(url, headers={"If-None-Match": answer.headers["etag"]})
            self.assertEqual(again.status, 304)
            self.assertIn("304", operation["responses"])
        formats = resolve(operation["responses"]["200"])["content"]
        for kind, form in (("text/csv", "csv"), ("spreadsheetml.sheet", "xlsx")):
            offered = any(kind in t for t in formats)
            a = request(f"{url}&format={form}")
            if operation["operationId"] != "raw":
                self.assertEqual(a.status, 200 if offered else 400, (url, form))

    def check_answer(self, operation, answer, where):
        response = resolve(operation["responses"][str(answer.status)])
        kind = answer.headers["content-type"].split(";")[0]
        self.assertIn(kind, response["content"], where)
        if kind.endswith("json"):
            check(OPENAPI, response["content"][kind]["schema"], answer.json(), where)

    def check_problems(self, r):
        problem = {"$ref": "#/components/schemas/Problem"}
        for path, status in (("/api/v1/nothing", 404), ("/api/v1/indexes/none", 404),
                             (f"/api/v1/indexes/{INDEX}/25/ranking", 400),
                             ("/api/v1/events?last_event_id=7", 400), ("/api/v1/raw/abc", 400)):
            a = request(r.url + path)
            self.assertEqual(a.status, status)
            check(OPENAPI, problem, a.json(), path)

    def test_asyncapi(self):
        self.assertTrue(ASYNCAPI["asyncapi"].startswith("3."))
        r = self.rig()
        r.start()
        r.settle()
        r.step("next")
        r.settle()
        now = r.heads()["publisher"]
        stream = rig.Stream(f"{r.url}/api/v1/events", r.cursor(0))
        stream.take(lambda s: bool(s.events) and s.events[-1][0] >= now, "everything", tick=r.tick)
        stream.close()
        self.assertEqual({e[1] for e in stream.events}, {"score", "ranking", "source"})
        messages = ASYNCAPI["components"]["messages"]
        for seq, name, data in stream.events:
            check(ASYNCAPI, {"$ref": f"#/components/messages/{name}/payload"}, json.loads(data),
                  f"event {seq}")
        check(ASYNCAPI, {"$ref": "#/components/schemas/Cursor"}, f"{stream.epoch}-{now}", "id")
        check(ASYNCAPI, messages["reset"]["payload"], {}, "reset")
        # a portal of the CloudEvents kind receives what is said there
        names = {m["name"]: key for key, m in messages.items()}
        lines = r.portals[0].raw_lines()
        self.assertGreater(len(lines), 100)
        for line in lines:
            check(ASYNCAPI, messages[names[line["ce_type"]]]["payload"], line["body"], line["key"])


if __name__ == "__main__":
    unittest.main()
