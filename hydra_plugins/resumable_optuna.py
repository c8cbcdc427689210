"""Optuna's sweeper, whose search goes on where it was stopped.

Hydra finds a sweeper only in this namespace, which has no __init__.py.
"""

from importlib.util import find_spec

if find_spec("hydra_plugins.hydra_optuna_sweeper"):  # the extra is installed
    from hydra_plugins.hydra_optuna_sweeper.optuna_sweeper import OptunaSweeper

    class ResumableOptuna(OptunaSweeper):
        def sweep(self, arguments: list[str]) -> None:
            from cli.optuna_search import going_on

            with going_on(self.sweeper):
                super().sweep(arguments)
