#!/usr/bin/env python3
"""Runs the venues' own published clients against simulated venues.

Installs the clients into `target/clients`, starts for each of them fresh venues of the `dutchbook`
binary (DUTCHBOOK_BIN, or built by cargo), runs its checks and prints last, for every client, how
many checks passed, which failed, or why it was skipped. The lines are kept in
`target/clients/summary.txt`. With names as arguments only those clients run.
"""

import concurrent.futures
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
CACHE = TARGET / "clients"
KALSHI_PYTHON = (3, 13)  # the oldest that kalshi-python-sync takes
INSTALL_SECONDS = 900
CLIENT_SECONDS = 240
READY_SECONDS = 10

# The two well-known test keys that a Polymarket venue funds, and the wallets of the first one.
POLYMARKET_KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
)
WALLETS = {
    "POLYMARKET_PROXY": "0x365f0CA36Ae1f641E02fE3B7743673da42A13A70",
    "POLYMARKET_SAFE": "0xd93B25cb943D14d0d34FBaF01Fc93a0f8b5F6E47",
    "POLYMARKET_DEPOSIT": "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50",
}


class Unable(Exception):
    """Something cannot be had on this machine; the text says what."""


def say(text):
    print(text, flush=True)


def run(command, seconds, **how):
    """Runs to the end or raises with the end of its output."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            text=True,
            errors="replace",
            **how,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unable(f"{command[0]}: {error}") from error
    if done.returncode:
        raise Unable(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


# --- installing -----------------------------------------------------------------------------------


def pythons():
    """Interpreters by preference: newest named, pyenv's, then the plain one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = ["python3.14", "python3.13"]
    for version in ("3.14", "3.13"):
        found += sorted(glob.glob(str(pyenv / f"{version}*" / "bin" / "python")), reverse=True)
    return found + ["python3", sys.executable]


def python_of(oldest):
    """The first interpreter that starts and is no older, with its version."""
    for name in pythons():
        try:
            text = run([name, "-c", "import sys; print(*sys.version_info[:3])"], 30)
            version = tuple(int(part) for part in text.split())
        except (Unable, ValueError):
            continue
        if version >= oldest:
            return name, version
    raise Unable(f"no Python of {'.'.join(map(str, oldest))} or newer on this machine")


def stamped(folder, *parts):
    """Whether `folder` was installed from exactly these parts; otherwise empties it."""
    stamp = hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()
    mark = folder / "installed"
    if mark.exists() and mark.read_text() == stamp:
        return True, lambda: None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return False, lambda: mark.write_text(stamp)


def install_python(which, oldest):
    """A virtual environment with the pinned packages of one client; returns its interpreter."""
    pins = HERE / "python" / f"requirements-{which}.txt"
    python, version = python_of(oldest)
    folder = CACHE / f"python-{which}"
    ready, mark = stamped(folder, version, pins.read_text())
    if not ready:
        run([python, "-m", "venv", folder], INSTALL_SECONDS)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
        run([*pip, "--no-input", "--no-deps", "-r", pins], INSTALL_SECONDS)
        mark()
    return folder / "bin" / "python"


def install_node():
    """The pinned packages beside a copy of the programs; returns that folder."""
    source, folder = HERE / "typescript", CACHE / "typescript"
    if not shutil.which("node") or not shutil.which("npm"):
        raise Unable("no node and npm on this machine")
    lock = (source / "package-lock.json").read_text()
    ready, mark = stamped(folder, lock, run(["node", "--version"], 30))
    for file in source.iterdir():
        shutil.copy(file, folder)
    if not ready:
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
        run(["npm", "ci", *quiet], INSTALL_SECONDS, cwd=folder)
        mark()
    return folder


def install_rust():
    """Builds the checks with the SDK; returns the program."""
    target = CACHE / "rust"
    manifest = HERE / "rust" / "Cargo.toml"
    run(
        ["cargo", "build", "--locked", "--manifest-path", manifest, "--target-dir", target],
        INSTALL_SECONDS,
        env={**os.environ, "RUSTFLAGS": ""},
    )
    return target / "debug" / "dutchbook-client-checks"


def dutchbook():
    """The binary under test."""
    named = os.environ.get("DUTCHBOOK_BIN")
    if named:
        return Path(named).absolute()
    run(["cargo", "build", "--locked", "-p", "dutchbook-tools"], INSTALL_SECONDS, cwd=ROOT)
    return TARGET / "debug" / "dutchbook"


# --- venues ---------------------------------------------------------------------------------------


class Venue:
    """One process of a simulated venue on a port of its own choice."""

    def __init__(self, binary, kind, flow, accounts, log):
        command = [binary, "venue", kind, "--listen", "127.0.0.1:0", "--flow", flow]
        command += ["--accounts", accounts] if accounts else []
        self.log = open(log, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.lines = []
        self.heard = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        self.heard.wait(READY_SECONDS)
        found = re.search(r"listening on (http://\S+)", "\n".join(self.lines))
        if not found:
            self.stop()
            raise RuntimeError(f"venue {kind} did not listen: {self.lines} {Path(log).read_text()}")
        self.url = found.group(1).rstrip("/")

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if "listening on" in line:
                self.heard.set()
        self.heard.set()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def kalshi_accounts(folder, kinds):
    """Makes a key pair per account; returns the account file's rows and the keys' settings."""
    rows, keys = [], []
    for index, kind in enumerate(kinds):
        made = json.loads(run(["node", HERE / "typescript" / "key.mjs", kind], 60))
        name = f"a0000000-0000-4000-8000-{index:012d}"
        path = folder / f"kalshi-{index}.pem"
        path.write_text(made["private"])
        rows.append({"key_id": name, "public_key_pem": made["public"], "balance": "10000.0000"})
        keys.append(f"{name}={path}")
    return rows, ",".join(keys)


# --- clients --------------------------------------------------------------------------------------


class Client:
    """One published client: how it is installed, and what runs its checks."""

    def __init__(self, name, venue, install, command, keys=("rsa", "rsa"), optional=False):
        self.name = name
        self.venue = venue
        self.install = install
        self.command = command
        self.keys = keys
        self.optional = optional

    def check(self, binary, installed):
        """Runs the checks against fresh venues; returns the summary and whether all is well."""
        folder = CACHE / "runs" / re.sub(r"\W+", "-", self.name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = {**os.environ, **WALLETS}
        accounts = None
        if self.venue == "kalshi":
            rows, settings["KALSHI_KEYS"] = kalshi_accounts(folder, self.keys)
            accounts = folder / "accounts.json"
            accounts.write_text(json.dumps(rows))
        settings["POLYMARKET_KEYS"] = ",".join(POLYMARKET_KEYS)
        venues = []
        try:
            for name, flow in (("QUIET", "none"), ("CALM", "calm")):
                venue = Venue(binary, self.venue, flow, accounts, folder / f"{flow}.log")
                venues.append(venue)
                settings[f"{self.venue.upper()}_{name}"] = venue.url
            return self._judge(settings, installed)
        finally:
            for venue in venues:
                venue.stop()

    def _judge(self, settings, installed):
        started = time.monotonic()
        command = [str(part) for part in self.command(installed)]
        try:
            done = subprocess.run(
                command,
                env=settings,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=CLIENT_SECONDS,
                errors="replace",
            )
            output, code = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output, code = (late.stdout or b"").decode("utf-8", "replace"), None
        took = f"{time.monotonic() - started:.0f} s"
        say(f"\n== {self.name}, {took}\n{output.strip()}")
        if code is None:
            return f"FAILED: not done after {CLIENT_SECONDS} s", False
        try:
            report = json.loads(output.strip().splitlines()[-1])
            passed, failed = report["passed"], report["failed"]
        except (IndexError, ValueError, KeyError, TypeError):
            return f"FAILED: ended with {code} and no report", False
        if failed or code or not passed:
            return (
                f"FAILED: {passed} checks passed, {len(failed)} failed: {'; '.join(failed)}",
                False,
            )
        return f"{passed} checks passed in {took}", True


def clients():
    def python(program):
        return lambda interpreter: [interpreter, "-u", HERE / "python" / program]

    def node(program):
        return lambda folder: ["node", folder / program]

    return [
        Client(
            "py-clob-client-v2",
            "polymarket",
            lambda: install_python("polymarket", (3, 9)),
            python("polymarket.py"),
        ),
        Client(
            "kalshi-python-sync",
            "kalshi",
            lambda: install_python("kalshi", KALSHI_PYTHON),
            python("kalshi.py"),
            keys=("rsa", "ed25519"),
            optional=True,
        ),
        Client("@polymarket/clob-client-v2", "polymarket", install_node, node("polymarket.mjs")),
        Client("kalshi-typescript", "kalshi", install_node, node("kalshi.mjs")),
        Client("polymarket_client_sdk_v2", "polymarket", install_rust, lambda program: [program]),
    ]


def main():
    wanted = set(sys.argv[1:])
    chosen = [client for client in clients() if not wanted or client.name in wanted]
    CACHE.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        installs = {}
        for client in chosen:  # one installation serves both clients of the npm packages
            if client.install not in installs:
                installs[client.install] = pool.submit(client.install)
        binary = pool.submit(dutchbook).result()
    lines, well = [], True
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = []
        for client in chosen:
            install = installs[client.install]
            result = (
                None if install.exception() else pool.submit(client.check, binary, install.result())
            )
            results.append((client, install.exception(), result))
        for client, unable, result in results:
            summary, good = outcome(client, unable, result)
            lines.append(f"client {client.name}: {summary}")
            well = well and good
    (CACHE / "summary.txt").write_text("\n".join(lines) + "\n")
    say("")
    for line in lines:
        say(line)
    return 0 if well else 1


def outcome(client, unable, result):
    """What the summary says of one client, and whether that is well."""
    if unable is not None:
        reason = str(unable).strip()
        say(f"\n== {client.name} cannot be installed\n{reason}")
        first = reason.splitlines()[0] if reason else type(unable).__name__
        return (f"skipped: {first}", True) if client.optional else (f"FAILED: {first}", False)
    try:
        return result.result()
    except Exception as error:
        return f"FAILED: {error}", False


if __name__ == "__main__":
    sys.exit(main())
