"""Home directories in the paths that Hydra makes."""

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString

from groundwork.files import expand

KEYS = ("hydra.run.dir", "hydra.sweep.dir")


def expanded(arguments: list[str]) -> list[str]:
    """Return overrides with home directories in place of the `~` in the command line's.

    Hydra would make a folder named `~`.
    """
    words = [word for word in arguments if word.startswith(KEYS)]
    return [
        f"{override.key_or_group}={QuotedString(str(expand(path)), Quote.double).with_quotes()}"
        for override in OverridesParser.create().parse_overrides(words)
        if isinstance(path := override.value(), str) and path.startswith("~")
    ]
