"""The sweepers of this project: Hydra's own and Optuna's, which say in the end what has failed.

Hydra finds sweepers only in this namespace, which has no __init__.py.
"""

from importlib.util import find_spec
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class Basic(BasicSweeper):
    """Hydra's, which runs all combinations."""

    def sweep(self, arguments: list[str]) -> Any:
        from cli.sweep_jobs import noted

        with noted(self):
            return super().sweep(arguments)


if find_spec("hydra_plugins.hydra_optuna_sweeper"):  # the extra is installed
    from hydra_plugins.hydra_optuna_sweeper.optuna_sweeper import OptunaSweeper

    class ResumableOptuna(OptunaSweeper):
        """Optuna's, whose search goes on where it was stopped."""

        def sweep(self, arguments: list[str]) -> None:
            from cli.optuna_search import going_on
            from cli.sweep_jobs import noted

            with noted(self.sweeper), going_on(self.sweeper):
                super().sweep(arguments)
