"""All benchmarks, one after the other: `python -m bench`. Ratios against anchors measured in the same round."""

import subprocess
import sys

BENCHES = ("fees", "hot", "callbacks", "journey", "connectors", "recon")


def main() -> int:
    """Run each in a process of its own; the exit code of the first that failed."""
    for name in BENCHES:
        print(f"\n== bench.{name} ==", flush=True)
        code = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
