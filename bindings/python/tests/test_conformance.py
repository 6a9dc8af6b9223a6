# SPDX-License-Identifier: Apache-2.0
"""The cases that every binding runs (bindings/conformance), through the package:
by pytest, or `test_conformance.py CASES` on its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, Callable, Optional

import tulle
from tulle import _request
from tulle._library import lib
from tulle._stream import Flight, failure_of
from tulle.mock import MockEndpoint, MockMesh, Request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = os.path.join(ROOT, "conformance", "cases.json")
REQUEST = ("method url headers body deadline retry explain idempotencyKey bodyMax context scope")
EXPECT = ("error status attempts endpoint headers headerLines trailers body bodySize layer flags "
          "progress cluster explainHas took")
ANSWER = ("at kind times method path prefix status headers body size trailers delay connectDelay "
          "chunk chunkDelay breakAt close")
OPTIONS = "outside deadline trace strictRetries namespace workload locality"


def only(found: Any, allowed: str) -> Any:
    unknown = set(found) - set(allowed.split())
    assert not unknown, f"unknown keys {unknown}"
    return found


def lines(found: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in found]


def is_like(pattern: str, words: Optional[str]) -> bool:
    """A star stands for any run of characters."""
    exact = ".*".join(re.escape(part) for part in pattern.split("*"))
    return words is not None and re.fullmatch(exact, words, re.S) is not None


def same(what: str, got: Any, wanted: Any) -> None:
    assert got == wanted, f"{what} is {got!r}, not {wanted!r}"


# --- what came, against what is expected ---

class Outcome:
    """What came of a call, a stream or a pick."""

    def __init__(self, error: Optional[tulle.Error] = None, reply: Any = None, body: bytes = b"",
                 **more: Any) -> None:
        # A traceback would hold frames, and they the reply.
        self.error = error.with_traceback(None) if error else None
        self.reply, self.body, self.more = reply, body, more

    def value(self, key: str) -> Any:
        if key in self.more:
            return self.more[key]
        if key == "error":
            return self.error.code.name if self.error else "OK"
        if key == "body":
            return self.body.decode()
        if key == "bodySize":
            return len(self.body)
        if key == "progress":
            return self.error.progress.name if self.error else None
        if key == "explainHas":
            return self.reply.explain
        if key == "headerLines":
            return self.reply.headers.lines
        return getattr(self.error if self.error else self.reply, key)

    def expect(self, expected: Any) -> None:
        only(expected, EXPECT)
        same("error", self.value("error"), expected.get("error", "OK"))
        assert self.error is None or self.error.text, "a failure without a sentence"
        for key, wanted in expected.items():
            if key in ("headers", "trailers"):
                for name, value in lines(wanted):
                    same(name, getattr(self.reply, key).all(name)[:1], [value])
            elif key == "explainHas":
                assert wanted in self.value(key), self.value(key)
            elif key == "headerLines":
                same(key, self.value(key), lines(wanted))
            elif key == "took":
                same(key, round(self.more[key] * 1e6), _request.nanoseconds(wanted) // 1000)
            else:
                same(key, self.value(key), wanted)


def expect_seen(expected: Any, seen: Request) -> None:
    only(expected, "endpoint method url headers has hasNot body bodySize")
    for key, got in (("endpoint", seen.endpoint), ("method", seen.method), ("url", seen.url),
                     ("body", seen.body.decode()), ("bodySize", seen.body_size)):
        same(key, got, expected.get(key, got))
    if "headers" in expected:
        same("names", [name for name, _ in seen.headers.lines],
             [name for name, _ in expected["headers"]])
        for (name, value), (_, pattern) in zip(seen.headers.lines, expected["headers"]):
            assert is_like(pattern, value), f"it was sent {name}: {value}"
    for name, pattern in expected.get("has", ()):
        assert is_like(pattern, next(iter(seen.headers.all(name)), None)), (name, seen.headers)
    for name in expected.get("hasNot", ()):
        assert name not in seen.headers, f"it was sent {name}"


# --- a case ---

class Case:
    """One case: its mesh, and the calls it started."""

    def __init__(self, texts: Any, wanted: Any) -> None:
        self.texts, self.wanted = texts, only(wanted, "name yaml set options open answers steps")
        self.started: dict[str, Flight] = {}
        self.mesh: Any = None

    def yaml(self, name: str) -> str:
        return "\n".join(self.texts[name]) + "\n"

    def set(self, config: tulle.Config, said: Any) -> None:
        if "faultHas" not in said:
            config.set(said["target"], said["path"], said["value"])
            return
        try:
            config.set(said["target"], said["path"], said["value"])
        except tulle.UsageError as error:
            assert said["faultHas"] in str(error), str(error)
            return
        raise AssertionError(f"{said['path']} was set")

    def run(self) -> None:
        config = tulle.Config()
        for name in self.wanted.get("yaml", ()):
            config.yaml(self.yaml(name), name=name)
        for setting in self.wanted.get("set", ()):
            self.set(config, only(setting, "target path value faultHas"))
        said = only(self.wanted.get("options", {}), OPTIONS)
        options = {"strict_retries" if key == "strictRetries" else key: value
                   for key, value in said.items()}
        expected = only(self.wanted.get("open", {}), "error logHas")
        try:
            self.mesh = MockMesh(config, **options)
        except tulle.Error as error:
            same("opening", error.code.name, expected.get("error", "OK"))
            assert expected.get("logHas", "") in str(error), str(error)
            return
        same("opening", "OK", expected.get("error", "OK"))
        with self.mesh:
            self.steps()

    def steps(self) -> None:
        try:
            for said in self.wanted.get("answers", ()):
                self.say(said)
            for step in self.wanted["steps"]:
                self.step(step)
        finally:
            for flight in self.started.values():
                lib.call_free(flight.call)
        self.mesh.verify()

    def step(self, step: Any) -> None:
        for key, (allowed, run) in STEPS.items():
            if key in step:
                only(step, f"{key} {allowed}")
                run(self, step)
                return
        raise AssertionError(f"a step that is none: {step}")

    def say(self, said: Any) -> None:
        only(said, ANSWER)
        named = {"connectDelay": "connect_delay", "chunkDelay": "chunk_delay",
                 "breakAt": "break_at"}
        options = {named.get(key, key): value for key, value in said.items()
                   if key not in ("at", "kind")}
        kind = said.get("kind", "ANSWER").lower().replace("_", "-")
        MockEndpoint(self.mesh, None, said.get("at")).answers(kind=kind, **options)

    # --- calls ---

    @contextlib.contextmanager
    def options(self, said: Any, more: str = "") -> Iterator[dict[str, Any]]:
        """What a request says, as options; inside of its scope."""
        only(said, f"{REQUEST} {more}")
        named = {"idempotencyKey": "idempotency_key", "bodyMax": "body_max"}
        options = {named.get(key, key): value for key, value in said.items()
                   if key not in ("method", "url", "body", "scope", "pieces")}
        for key in ("headers", "trailers"):
            if key in options:
                options[key] = lines(options[key])
        if "context" in options:
            options["context"] = tulle.trace.Context(lines(options["context"]))
        with contextlib.ExitStack() as stack:
            if "scope" in said:
                stack.enter_context(tulle.trace.use(lines(said["scope"])))
            yield options

    def request(self, step: Any) -> None:
        for _ in range(step.get("times", 1)):
            said, before = step["request"], self.mesh.clock.now
            try:
                with self.options(said) as options:
                    reply = self.mesh.request(said.get("method", "GET"), said["url"],
                                              said.get("body"), **options)
                came = Outcome(None, reply, reply.body)
            except tulle.Error as error:
                came = Outcome(error)
            came.more["took"] = self.mesh.clock.now - before
            if "expect" in step:
                came.expect(step["expect"])

    def start(self, step: Any) -> None:
        said = step["start"]
        with self.options(said) as options:
            raw = _request.build(said.get("method", "GET"), said["url"],
                                 _request.whole(said.get("body", b"")), **options)
            self.started[step["as"]] = Flight(self.mesh._begin(raw, None), None)

    def cancel(self, step: Any) -> None:
        lib.call_cancel(self.started[step["cancel"]].call)

    def end(self, step: Any) -> None:
        flight = self.started.pop(step["end"])
        code = flight.end()
        if code:
            came = Outcome(failure_of(flight.call, code))
            lib.call_free(flight.call)
        else:
            reply = tulle.Reply(lib.call_reply(flight.call), flight.call)
            came = Outcome(None, reply, reply.body)
        came.expect(step["expect"])

    def stream(self, step: Any) -> None:
        said = step["stream"]
        pieces = iter([piece.encode() for piece in said["pieces"]]) if "pieces" in said else None
        body = b""
        try:
            with self.options(said, "pieces trailers") as options:
                with self.mesh.stream(said.get("method", "GET"), said["url"], pieces,
                                      **options) as reply:
                    for chunk in reply:
                        body += chunk
            came = Outcome(None, reply, body)
        except tulle.Error as error:
            came = Outcome(error, None, body)
        came.expect(step["expect"])

    def pick(self, step: Any) -> None:
        said = only(step["pick"], "url deadline")
        for _ in range(step.get("times", 1)):
            try:
                with self.options(said) as options:
                    pick = self.mesh.pick(said["url"], **options)
            except tulle.Error as error:
                Outcome(error).expect(step["expect"])
                continue
            Outcome(endpoint=pick.address, cluster=pick.cluster).expect(step["expect"])
            done = only(step["done"], "error status")
            pick.done(tulle.Code[done.get("error", "OK")], done.get("status", 0))

    # --- the world, and looking at it ---

    def change(self, step: Any) -> None:
        try:
            self.mesh.yaml(self.yaml(step["yaml"]), name=step["yaml"])
            Outcome().expect(step.get("expect", {}))
        except tulle.Error as error:
            Outcome(error).expect(step.get("expect", {}))

    def advance(self, step: Any) -> None:
        if step["advance"] == "0s":  # which the package takes for a nanosecond
            self.mesh.clock.run()
        else:
            self.mesh.clock.advance(step["advance"])

    def unsay(self, step: Any) -> None:
        at = step["unsay"]
        MockEndpoint(self.mesh, None, at if isinstance(at, str) else None).unsay()

    def seen(self, step: Any) -> None:
        same("requests that came", len(self.mesh.requests), len(step["seen"]))
        for expected, seen in zip(step["seen"], self.mesh.requests):
            expect_seen(expected, seen)

    def requests(self, step: Any) -> None:
        count = sum("of" not in step or one.endpoint == step["of"] for one in self.mesh.requests)
        same("requests", count, step["requests"])

    def at(self, address: str, service: Optional[str] = None) -> MockEndpoint:
        return MockEndpoint(self.mesh, service, address)


#: the key that names a step: the other keys, what it does
STEPS: dict[str, tuple[str, Callable[[Case, Any], Any]]] = {
    "request": ("times expect", Case.request),
    "stream": ("expect", Case.stream),
    "start": ("as", Case.start),
    "cancel": ("", Case.cancel),
    "end": ("expect", Case.end),
    "pick": ("times expect done", Case.pick),
    "answer": ("", lambda case, step: case.say(step["answer"])),
    "unsay": ("", Case.unsay),
    "advance": ("", Case.advance),
    "kill": ("", lambda case, step: case.at(step["kill"]).kill()),
    "revive": ("", lambda case, step: case.at(step["revive"]).revive()),
    "addService": ("port", lambda case, step: case.mesh.service(step["addService"], step["port"])),
    "addEndpoint": ("of", lambda case, step: case.mesh.endpoint(step["of"], step["addEndpoint"])),
    "removeEndpoint": ("of", lambda case, step: case.at(step["removeEndpoint"],
                                                        step["of"]).remove()),
    "discovery": ("", lambda case, step: case.mesh.discovery(step["discovery"])),
    "yaml": ("expect", Case.change),
    "seen": ("", Case.seen),
    "requests": ("of", Case.requests),
    "metric": ("is", lambda case, step: same(step["metric"], case.mesh.metric(step["metric"]),
                                             step["is"])),
    "gate": ("is", lambda case, step: same(step["gate"], case.at(step["gate"]).gate, step["is"])),
    "forget": ("", lambda case, step: case.mesh.forget()),
}


def load(path: str) -> list[tuple[str, Case]]:
    def strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        same("keys", len(dict(pairs)), len(pairs))
        return dict(pairs)

    with open(path, encoding="utf-8") as file:
        whole = only(json.load(file, object_pairs_hook=strict), "texts cases")
    found = [(one["name"], Case(whole["texts"], one)) for one in whole["cases"]]
    assert found, "no cases"
    return found


def pytest_generate_tests(metafunc: Any) -> None:
    found = load(CASES)
    metafunc.parametrize("case", [case for _, case in found], ids=[name for name, _ in found])


def test_case(case: Case) -> None:
    case.run()


def main(path: str) -> int:
    found, failed = load(path), 0
    for name, case in found:
        try:
            case.run()
        except Exception as error:  # whatever it is, it is this case's
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed += 1
    print(f"{len(found)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
