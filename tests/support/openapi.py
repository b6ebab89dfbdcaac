"""Holds answers against the service's own description, GET /openapi.json: as much of JSON Schema as that uses.

    description = openapi.Description(service)
    description.check("POST", "/execute", status, answer)       # AssertionError with the place where they differ
"""

import json
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int, "number": (int, float)}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "oneOf", "minimum", "minItems", "maxItems", "maxLength",
         "pattern", "description", "$ref"}


class Description:
    def __init__(self, service):
        status, text = service.ask("GET", "/openapi.json")
        assert status == 200, status
        self.document = json.loads(text)

    def follow(self, schema):
        while "$ref" in schema:
            part = self.document
            for name in schema["$ref"].removeprefix("#/").split("/"):
                part = part[name]
            schema = part
        return schema

    def differences(self, schema, value, place="answer"):
        """Where the value is not what the schema says."""
        schema = self.follow(schema)
        unknown = set(schema) - KNOWN
        if unknown:
            return [f"{place}: the test knows no {sorted(unknown)}"]
        if "oneOf" in schema:
            matching = [option for option in schema["oneOf"] if not self.differences(option, value, place)]
            return [] if len(matching) == 1 else [f"{place}: fits {len(matching)} of the alternatives"]
        kinds = schema.get("type", [])
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if kinds and not any(isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds):
            return [f"{place}: {value!r:.80} is no {'/'.join(kinds)}"]
        found = []
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{place}: {value!r:.80} is none of {schema['enum']}")
        if isinstance(value, str):
            found += [f"{place}: too long"] * (len(value) > schema.get("maxLength", len(value)))
            found += [f"{place}: {value!r:.80} is not {schema.get('pattern')}"] * (not re.search(schema.get("pattern", ""), value))
        if isinstance(value, (int, float)) and value < schema.get("minimum", value):
            found.append(f"{place}: {value} is too small")
        if isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                found.append(f"{place}: {len(value)} items")
            for number, item in enumerate(value):
                found += self.differences(schema.get("items", {}), item, f"{place}[{number}]")
        if isinstance(value, dict):
            known = schema.get("properties", {})
            found += [f"{place}.{name}: is missing" for name in schema.get("required", []) if name not in value]
            for name, item in value.items():
                if name in known:
                    found += self.differences(known[name], item, f"{place}.{name}")
                elif schema.get("additionalProperties") is False:
                    found.append(f"{place}.{name}: is not described")
        return found

    def path_of(self, path):
        path = path.partition("?")[0]
        for pattern in self.document["paths"]:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return pattern
        raise AssertionError(f"{path} is not described")

    def check(self, method, path, status, answer):
        operation = self.document["paths"][self.path_of(path)][method.lower()]
        response = operation["responses"].get(str(status))
        assert response, f"{method} {path}: {status} is not described"
        content = response["content"].get("application/json")
        assert content, f"{method} {path}: {status} is not JSON"
        found = self.differences(content["schema"], answer)
        assert not found, f"{method} {path}, {status}: " + "; ".join(found)

    def examples(self):
        """(method, path, name, body) of every example of a request."""
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                if method == "parameters":
                    continue
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    for name, example in content.get("examples", {}).items():
                        yield method.upper(), path, name, example["value"], content["schema"]
