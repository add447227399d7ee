"""The command line: ``mmhelpers doctor``, ``data``, ``study``, ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Mixed models: simulate, fit, test, check."
)


@app.callback()
def _root() -> None:
    """Mixed models: simulate, fit, test, check."""


@app.command()
def doctor() -> None:
    """Say what works on this machine, and how to get what does not."""
    from mmhelpers import doctor as _doctor

    findings = _doctor.examine()
    typer.echo(_doctor.report(findings))
    essential = [f for f in findings if not f.ok and _doctor.PACKAGES.get(f.name) == ""]
    raise typer.Exit(1 if essential else 0)


@app.command()
def data(name: str = typer.Argument("", help="a data set; without a name, all are listed")) -> None:
    """List the data sets, or describe one."""
    from mmhelpers import datasets

    try:
        typer.echo(str(datasets.describe(name)) if name else datasets.list_datasets().to_string(index=False))
    except (ValueError, TypeError, KeyError) as error:
        typer.echo(f"Error: {error.args[0] if error.args else error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def study(
    config: Annotated[
        Path, typer.Argument(help="the study's TOML file, or the folder of one that was begun")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Parquet file to write; the configuration's name by default")
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            help="a number of processes, 'processes' (one a core), or a Dask scheduler's address, tcp://..."
        ),
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with a study that was begun and killed")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print designs, sizes and an estimated time")
    ] = False,
    progress: Annotated[
        bool | None, typer.Option(help="show a bar (by default, where tqdm is installed)")
    ] = None,
) -> None:
    """Run a simulation study from its file."""
    from mmhelpers.studies.command import Stopped, study_command

    try:
        typer.echo(study_command(config, out, executor, resume, dry_run, progress))
    except Stopped as stopped:
        typer.echo(str(stopped), err=True)
        raise typer.Exit(130) from None
    except (ValueError, TypeError, OSError, ImportError) as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from None


@app.command()
def report(
    file: Annotated[Path, typer.Argument(help="the Parquet file of a study")],
    alpha: Annotated[
        list[float] | None,
        typer.Option(help="level of significance (again for more); the study's by default"),
    ] = None,
) -> None:
    """Print the table of a finished study."""
    from mmhelpers.studies.command import report_command

    try:
        typer.echo(report_command(file, alpha))
    except (ValueError, TypeError, OSError, ImportError) as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from None


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
