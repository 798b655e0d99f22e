"""Parent: the training whose choices a final fit repeats, as its run.json records it."""

from dataclasses import asdict, dataclass
from typing import Self

from pydantic import TypeAdapter

from rnnfc.plain import JsonObject


@dataclass(frozen=True, kw_only=True)
class Parent:
    """What a final fit takes over from the training that validation has ended.

    run: its folder's name; manifest_sha256: the SHA-256 of its manifest.
    learning_rates: of each epoch up to the one whose weights were kept, and so their number.
    penalty: of the ridge regression that a linear map starts from; None without a linear map.
    network_share: in a blend with a linear map; None without a blend.
    """

    run: str
    manifest_sha256: str
    learning_rates: tuple[float, ...]
    penalty: float | None
    network_share: float | None

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """What `to_json` wrote. Raises ValueError for anything else."""
        return TypeAdapter(cls).validate_python(plain)

    def to_json(self) -> JsonObject:
        """Plain values."""
        return {**asdict(self), "learning_rates": list(self.learning_rates)}
