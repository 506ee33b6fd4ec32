"""Commands with verbs, each of which takes some names."""

from cloud_service.language.text import Text


def wrong_names(verb: str, wanted: int, given: int) -> Text | None:
    """What is wrong with the number of names that were given to a verb; None if it is right."""
    if given == wanted:
        return None
    match wanted:
        case 0:
            return Text("`{verb}` takes no names, not {given}", verb=verb, given=given)
        case 1:
            return Text("`{verb}` takes 1 name, not {given}", verb=verb, given=given)
        case _:
            return Text("`{verb}` takes {wanted} names, not {given}", verb=verb, wanted=wanted, given=given)
