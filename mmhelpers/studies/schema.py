"""The schema of a study's file (needs pydantic)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mmhelpers.studies.effect import TESTS
from mmhelpers.studies.generators import GENERATORS


class StudyConfig(BaseModel):
    """What a study's TOML file may say; see `mmhelpers.study` for the meaning of each setting."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = ""
    seed: int = Field(ge=0)
    n_rep: int = Field(ge=1, le=100_000_000)
    alpha: list[float] = [0.05]
    precision: float | None = Field(default=None, gt=0, lt=0.5)
    block: int | None = Field(default=None, ge=1)
    effect: str | None = None
    tests: list[str] = ["satterthwaite"]
    missing: float = Field(default=0.0, ge=0, lt=1)
    statistics: bool = False
    designs: dict[str, dict[str, Any]] | None = None
    truths: dict[str, dict[str, Any]] | None = None
    models: dict[str, str] | None = None
    generator: str | None = None
    cells: dict[str, dict[str, Any]] | None = None

    @field_validator("alpha", mode="before")
    @classmethod
    def _levels(cls, value: Any) -> Any:
        levels = value if isinstance(value, list) else [value]
        for one in levels:
            if not isinstance(one, (int, float)) or isinstance(one, bool) or not 0 < one < 1:
                raise ValueError(f"a level of significance lies between 0 and 1, not {one!r}")
        if not levels:
            raise ValueError("give a level of significance, 0.05 or [0.01, 0.05]")
        return [float(one) for one in levels]

    @field_validator("tests", mode="before")
    @classmethod
    def _tests(cls, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        for name in names if isinstance(names, list) else [names]:
            if name not in TESTS:
                raise ValueError(f"there is no test {name!r}; there are {', '.join(TESTS)}")
        return names

    @field_validator("generator")
    @classmethod
    def _generator(cls, value: str | None) -> str | None:
        if value is not None and value not in GENERATORS:
            raise ValueError(f"there is no generator {value!r}; there are {', '.join(sorted(GENERATORS))}")
        return value

    @model_validator(mode="after")
    def _complete(self) -> StudyConfig:
        own = {
            "designs": self.designs,
            "truths": self.truths,
            "models": self.models,
            "effect": self.effect,
        }
        if self.generator is not None:
            extra = [name for name, value in own.items() if value is not None]
            if extra:
                raise ValueError(f"a generator makes its own data: leave {', '.join(extra)} out")
            if not self.cells:
                raise ValueError("cells: a generator needs a table [cells.NAME] with its parameters")
        else:
            if self.cells is not None:
                raise ValueError('cells: these belong to a generator, generator = "..."')
            lacking = [name for name, value in own.items() if not value]
            if lacking:
                raise ValueError(f"{lacking[0]}: this is missing (or give a generator with its cells)")
        return self
