"""Ask every operation what its document promises, with and without keys, on the shipped server.

    make fuzz                    30 seconds with keys, 15 without
    make fuzz FUZZ="--seconds 600"

Checked: no 5xx, no status, header or body that the document does not name, wrong data refused,
right data taken, and no operation open without a key. What is left out is in EXCLUDED.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.server.shipped import OWNER, Shipped, start

SEED = "20261127"
KEYS = 12  # each may make 600 calls a minute
EXCLUDED = {
    # The document can't say that ids must be the team's own, a name free, or an end to come: such
    # data is right by its form and refused with 422 or 404.
    "positive_data_acceptance": "what is right by its form may be refused by the team's state",
    # The same: 404 before 422 where the id is nobody's.
    "negative_data_rejection": "404 and 409 refuse too; unknown parameters change nothing",
    "missing_required_header": "no operation needs a header but Authorization, which is checked",
}
SCRIPT = """
import os
from accounts.models import Team
from accounts.permissions import Actor, SCOPES
from apikeys.services import keys
team = Team.objects.get()
by = Actor("command", "fuzz", "fuzz")
print(" ".join(keys.add(team, f"fuzz {n}", by, scopes=SCOPES)[1] for n in range(%d)))
"""


def main() -> int:
    """Run schemathesis twice. Return 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder), OWNER)
        try:
            made = server.manage("shell", "-v", "0", "-c", SCRIPT % KEYS)
            keys = made.stdout.strip().splitlines()[-1]
            failed = _run(
                server, seconds, {"FUZZ_KEYS": keys}, "examples,coverage,fuzzing,stateful"
            )
            failed |= _run(server, max(5, seconds // 2), {}, "examples,coverage,fuzzing")
            failed |= "Traceback" in server.log
        finally:
            server.stop()
    return int(failed)


def _run(server: Shipped, seconds: int, env: dict[str, str], phases: str) -> bool:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/openapi.json"),
        *("--max-time", str(seconds), "--seed", SEED, "--phases", phases),
        *("--checks", "all", "--exclude-checks", ",".join(EXCLUDED)),
        *("--continue-on-failure", "--no-shrink", "--suppress-health-check", "all"),
        *("--warnings", "off"),
    ]
    hooked = {**os.environ, **env, "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks"}
    return subprocess.run(command, env=hooked, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
