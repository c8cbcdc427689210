"""Overrides of a multirun whose settings only some of its choices have."""

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException


def for_the_jobs(arguments: list[str]) -> list[str]:
    """Leave the settings inside a swept group to the jobs.

    Hydra composes a sweep's own config first, with the group's default. It would refuse
    `model.latent_dim=16` beside `model=dense,vae` if the default has no such setting. A sweep over
    one value, `model.latent_dim=choice(16)`, is applied in the jobs only.

    Returns:
        The command line with such sweeps.
    """
    if {"-m", "--multirun"}.isdisjoint(arguments):
        return arguments
    parser = OverridesParser.create()
    swept = set()
    for word in arguments:
        if "=" in word and not word.startswith("-"):
            override = parser.parse_override(word)
            if override.is_sweep_override() and "." not in override.key_or_group:
                swept.add(override.key_or_group)
    return [_one_choice(word, swept, parser) for word in arguments]


def _one_choice(word: str, swept: set[str], parser: OverridesParser) -> str:
    key, equals, value = word.partition("=")
    if not equals or key.lstrip("+").partition(".")[0] not in swept or "." not in key:
        return word
    try:
        parser.parse_override(chosen := f"{key}=choice({value})")
    except OverrideParseException:
        return word
    return word if parser.parse_override(word).is_sweep_override() else chosen
