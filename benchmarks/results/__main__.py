"""Every Fashion-MNIST number of README and docs, each over five seeds: trained, scored, published.

    python -m benchmarks.results                         all stages, some hours on two cores
    python -m benchmarks.results comparison vae_beta     some of them, with those that they need
    python -m benchmarks.results --list                  the stages, and what has ended

The same command goes on where it was stopped. A stage that has ended is stored in
`docs/results/STAGE.json`, from which its tables are written. Words after `--` are further overrides
of all trainings, as in `-- data=procedural trainer.max_epochs=1`. Such results are not published:
they stay in the folder of `--root`.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results.collecting import collect
from benchmarks.results.layout import SEEDS, Root
from benchmarks.results.running import CommandFailedError, duration, remaining, run, say
from benchmarks.results.stages import DOCS, STAGES, Stage, with_needs
from cli.signals import Interrupted, await_signals, caught
from cli.suggestions import suggest
from groundwork.files import REPOSITORY, expand, write_json
from groundwork.run_directory import locked

PROGRAM = "python -m benchmarks.results"
STORED = "results.json"  # a stage's numbers, in its folder


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments name.

    Returns:
        The exit status: 1 where a stage has failed, 2 for a wrong argument.
    """
    given, overrides = _given(arguments)
    names = given.stages or [*STAGES]
    for name in names:
        if name not in STAGES:
            return _fail(2, f"there is no stage {name}, {suggest(name, STAGES)}")
    if given.seeds < 1:
        return _fail(2, f"--seeds must be at least 1, got {given.seeds}")
    root, stages = Root(given.root, given.seeds, overrides), with_needs(names)
    if given.list:
        for stage in stages:
            needs = f" (needs {', '.join(stage.needs)})" if stage.needs else ""
            print(f"{stage.name}{needs}: {remaining([*root.jobs(stage)])}")
        return 0
    await_signals()
    try:
        with locked(REPOSITORY / root.path):
            return _run_all(stages, root)
    except Interrupted as interruption:
        interruption.advice = "the same command goes on where this ended"
        return _fail(128 + interruption.signal, str(interruption))
    except (ValueError, OSError) as error:
        return _fail(1, str(error))
    finally:
        caught()


def _given(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line: what stands before `--`, and the overrides after it."""
    words = [*arguments]
    end = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("stages", nargs="*", metavar="stage", help=f"of {', '.join(STAGES)}; default: all")
    add("--list", action="store_true", help="say what has ended, and how long the rest takes")
    add("--seeds", type=int, default=SEEDS, help=f"how many seeds each row has (default: {SEEDS})")
    add("--root", type=expand, default=Path("outputs/results"), help="default: outputs/results")
    return parser.parse_args(words[:end]), words[end + 1 :]


def _run_all(stages: Sequence[Stage], root: Root) -> int:
    """Run stages in turn. One that fails leaves the others alone, but for those that need it."""
    failed: list[str] = []
    for stage in stages:
        if absent := [need for need in stage.needs if need in failed]:
            failed.append(stage.name)
            _fail(1, f"{stage.name} needs {', '.join(absent)}, which has failed")
            continue
        try:
            run(stage, root, lambda: remaining([job for each in stages for job in root.jobs(each)]))
            _store(stage, root)
        except (CommandFailedError, ValueError, OSError) as error:
            failed.append(stage.name)
            _fail(1, f"{stage.name}: {error}")
    return 1 if failed else 0


def _store(stage: Stage, root: Root) -> None:
    """Keep a stage's numbers in its folder, and publish those without further overrides."""
    results = collect(stage, root)
    folder = REPOSITORY / root.path / stage.name
    write_json(folder / STORED, results)
    took = duration(results["made"]["seconds"])
    if root.overrides:
        say(f"{stage.name}: all is in {root.path / stage.name / STORED}", f"{took} of computing")
        return
    from benchmarks.publish import publish_stage

    publish_stage(stage.name, folder / STORED)
    if stage.picture:
        (picture,) = folder.glob(stage.picture)
        shutil.copyfile(picture, DOCS / stage.published_as)
    say(f"{stage.name}: published in README and docs", f"{took} of computing")


def _fail(status: int, reason: str) -> int:
    print(f"{PROGRAM}: {reason}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
