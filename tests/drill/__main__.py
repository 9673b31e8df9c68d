"""`make drill`: the large cases, with the figures that they have to reach."""

import argparse
from collections.abc import Callable

from tests.drill import copies, restarts

DRILLS: dict[str, Callable[[float], None]] = {
    "backup-sqlite": copies.backup_sqlite,
    "backup-postgresql": copies.backup_postgresql,
    "move": copies.move,
    "restarts": restarts.rolling,
}


def main() -> None:
    """Run the drills that are named, or all."""
    parser = argparse.ArgumentParser(prog="make drill")
    parser.add_argument("names", nargs="*", choices=[*DRILLS, []], help="all, unless named")
    parser.add_argument("--scale", type=float, default=1.0, help="0.01: a hundredth")
    arguments = parser.parse_args()
    for name in arguments.names or DRILLS:
        print(f"== {name}")
        DRILLS[name](arguments.scale)


if __name__ == "__main__":
    main()
